"""The plugin around the pure `translator`: what Dify starts and loads, the connection to the server, and the command line.

All that touches sockets, clocks, threads or Dify's SDK lives here. Every decision about content lives in `translator`.
"""

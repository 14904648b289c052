"""The plugin around the pure `translator`: what Dify starts and loads, the connection to the server, and the command line.

Enters: requests of Dify's SDK, and replies of the server as they arrive. Leaves: requests to the server, and chunks for Dify. All
that touches sockets, clocks, threads or the SDK lives here; every decision about content lives in `translator`.
"""

"""A plugin as plain as can be, to stand beside ours in the benchmark: started by its own manifest, in this directory."""

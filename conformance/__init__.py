"""Black-box checks of a running Coppice: a URL and a key pair are all they know of it."""

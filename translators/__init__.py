"""AWS's words turned into the engine's and back; no HTTP, no SQL, no clock, no I/O of their own."""

"""The proof: real services, store and engines under a virtual clock, a faulty cloud and crashes, all from one seed."""

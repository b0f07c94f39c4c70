"""Pure deciders: values in, a decision out."""

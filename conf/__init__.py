"""The configuration groups of the command `knudsen` (YAML, packaged as ``pkg://conf``) and the helper that builds objects from them."""

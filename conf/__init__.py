"""The configuration groups of `knudsen` (YAML, packaged as ``pkg://conf``) and the helper that builds objects from them."""

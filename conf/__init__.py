"""The configuration groups of `knudsen` (YAML, ``pkg://knudsen.conf``) and the helper that builds objects from them."""

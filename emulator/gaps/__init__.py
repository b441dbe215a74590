"""Small completions of moto, one file a service; each says which behaviour of AWS it restores."""

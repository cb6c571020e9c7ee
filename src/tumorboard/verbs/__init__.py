"""One file per verb of the command line; each is a function that Python calls as well."""

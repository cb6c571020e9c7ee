"""Files and codings: one file per format, each reading it without guessing."""

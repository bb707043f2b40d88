"""Door 3: notebooks that run unattended, by papermill and by the command line."""

"""What the commands about stories do, as plain functions; cli.py only reads the options."""

"""`python -m gradsentry` is the command line."""

from gradsentry.cli import main

main()

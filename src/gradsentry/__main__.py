"""`python -m gradsentry` is the command line."""

from gradsentry.cli import main

if __name__ == "__main__":  # a worker of its own imports it, too
    main()

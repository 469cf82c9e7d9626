"""`python -m fedispace` is the `fedispace` command."""

from fedispace.cli.main import main

if __name__ == "__main__":
    main()

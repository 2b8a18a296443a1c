"""The version, and where the project lives: both stand here, and all code reads them."""

VERSION = "0.2.0"
HOME = "https://github.com/OWNER/gradsentry"

"""Where the project lives: it stands here, and all code reads it."""

HOME = "https://github.com/OWNER/gradsentry"

"""The version: it stands here, and all code reads it."""

VERSION = "0.2.0"

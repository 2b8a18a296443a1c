"""A verdict as a page on which a person decides.

Nothing is imported here: the terminal says findings in the words of the page, and needs none of the rest.
"""

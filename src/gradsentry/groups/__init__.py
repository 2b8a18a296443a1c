"""Groups of rows that stand together to the clean model, where no string tells them."""

from gradsentry.groups.findings import with_groups
from gradsentry.groups.material import Group, Material
from gradsentry.groups.search import find_groups

__all__ = ["Group", "Material", "find_groups", "with_groups"]

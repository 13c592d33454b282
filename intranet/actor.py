"""Who acts: a person with roles, passed explicitly to every query and domain function."""

from __future__ import annotations

from dataclasses import dataclass, field

from intranet.enums import Role
from intranet.errors import Forbidden
from intranet.i18n import _


@dataclass(frozen=True, slots=True)
class Actor:
    """schools: school ids per filing role; cycles: cycle ids per panel role."""

    user_id: int
    name: str
    login: str = ""
    roles: frozenset[Role] = frozenset()
    schools: dict[Role, frozenset[int]] = field(default_factory=dict)
    cycles: dict[Role, frozenset[int]] = field(default_factory=dict)
    must_change: bool = False
    ip: str = ""

    def has(self, *roles: Role) -> bool:
        return any(role in self.roles for role in roles)

    def require(self, *roles: Role) -> None:
        """Raise Forbidden unless the actor has one of the roles."""
        if not self.has(*roles):
            raise Forbidden(_("您没有这项操作的权限。如确实需要，请联系教育局管理员。"))

    @property
    def all_schools(self) -> frozenset[int]:
        return frozenset().union(*self.schools.values())

    def on_panel(self, cycle_id: int) -> bool:
        return any(cycle_id in ids for ids in self.cycles.values())

    def chairs(self, cycle_id: int) -> bool:
        return cycle_id in self.cycles.get(Role.CHAIR, frozenset())


SYSTEM = Actor(user_id=0, name="系统")
"""Acts of the program itself (demo data, command line)."""

"""Results for those who only read: leaders and auditors."""

from flask import Blueprint

bp = Blueprint("leader", __name__, url_prefix="/leader")

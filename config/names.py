"""Names that are known before anything is deployed: partners name our roles in their policies."""

# IAM's limit of a role's name.
LONGEST_ROLE_NAME = 64

# One in an account and Region, for all deployments there that share their pace.
PACE_TABLE = "ahi-pace"
PACE_STACK = "ahi-pace"


def role_prefix(deployment: str, region: str) -> str:
    """What the names of a deployment's roles begin with; a role's name is one in all Regions."""
    return f"ahi-{deployment}-{region}-"


def import_role_name(deployment: str, region: str, store_id: str) -> str:
    return f"{role_prefix(deployment, region)}import-{store_id}"


def bus_name(deployment: str) -> str:
    """The event bus that partners' buckets tell of uploads."""
    return f"ahi-{deployment}-partners"

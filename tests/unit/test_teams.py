"""Which teams a deployment file may name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from config.deployment import Deployment

FILE = Path(__file__).parents[1] / "local" / "two_stores.yaml"
IDENTITY_CENTER = "arn:aws:sso:::instance/ssoins-1234567890abcdef"


def refusal(**people: Any) -> str:
    given = {**yaml.safe_load(FILE.read_text()), "people": people}
    with pytest.raises(ValidationError) as refused:
        Deployment.model_validate(given)
    return str(refused.value)


def test_a_team_of_a_store_that_is_not_there_is_refused() -> None:
    words = refusal(teams={"readers": {"role": "reader", "data_stores": ["other"]}})
    assert "ids of data_stores, which are main, trial: not other" in words


@pytest.mark.parametrize("role", ["importer", "auditor", "operator"])
def test_a_fence_around_what_no_tag_fences_is_refused(role: str) -> None:
    assert "reader or steward only" in refusal(teams={"team": {"role": role, "matching_tag": "project"}})


def test_studies_of_a_steward_are_refused() -> None:
    words = refusal(teams={"team": {"role": "steward", "studies": ["1.2.3"]}})
    assert "studies and series for a reader only" in words


def test_groups_beside_identity_center_are_refused() -> None:
    teams = {"readers": {"role": "reader", "groups": ["readers"]}}
    words = refusal(identity_center=IDENTITY_CENTER, teams=teams)
    assert "either identity_center, or groups as readers has" in words


def test_a_permission_sets_name_that_is_too_long_is_refused() -> None:
    teams = {"a-team-with-a-very-long-name": {"role": "reader"}}
    assert "32 characters at most" in refusal(identity_center=IDENTITY_CENTER, teams=teams)

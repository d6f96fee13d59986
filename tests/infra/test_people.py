"""What each team of people may do: the documented traps are closed, and no policy outgrows IAM's limit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.deployment import load_deployment
from healthimaging import people_rights
from healthimaging.datastore import READ_ACTIONS
from healthimaging.template_sizes import check_sizes

FILE = Path(__file__).parents[1] / "local" / "two_stores.yaml"
IDENTITY_CENTER = "arn:aws:sso:::instance/ssoins-1234567890abcdef"


@pytest.fixture(scope="module")
def clinic(make_templates: Any) -> Any:
    return make_templates(load_deployment(str(FILE)))


def policy(clinic: Any, team: str) -> dict[str, Any]:
    found = clinic.resources("People", "AWS::IAM::ManagedPolicy").values()
    (properties,) = [
        each["Properties"]
        for each in found
        if each["Properties"]["ManagedPolicyName"] == f"ahi-clinic-us-east-1-{team}"
    ]
    return dict(properties)


def statements(clinic: Any, team: str, effect: str = "Allow") -> Iterator[tuple[set[str], dict[str, Any]]]:
    """The actions of each statement, with the statement."""
    for each in policy(clinic, team)["PolicyDocument"]["Statement"]:
        actions = each["Action"]
        if each["Effect"] == effect:
            yield {actions} if isinstance(actions, str) else set(actions), each


def actions(clinic: Any, team: str, effect: str = "Allow") -> set[str]:
    return {action for found, _ in statements(clinic, team, effect) for action in found}


def imaging(*names: str) -> set[str]:
    return {f"medical-imaging:{name}" for name in names}


def test_a_reader_may_read_by_both_interfaces(clinic: Any) -> None:
    """AWSHealthImagingReadOnlyAccess has none of DICOMweb's actions."""
    assert actions(clinic, "readers") == imaging(*READ_ACTIONS)


def test_a_reader_by_tag_reaches_nothing_that_ignores_tags(clinic: Any) -> None:
    assert imaging("SearchImageSets", "SearchDICOMStudies", "GetDICOMInstance") <= actions(
        clinic, "tagged", "Deny"
    )
    own = {"StringEquals": {"aws:ResourceTag/project": "${aws:PrincipalTag/project}"}}
    assert [each["Condition"] for _, each in statements(clinic, "tagged")] == [own] * len(
        list(statements(clinic, "tagged"))
    )
    assert not actions(clinic, "tagged") & actions(clinic, "tagged", "Deny")


def test_a_reader_of_a_study_has_only_actions_that_know_studies(clinic: Any) -> None:
    by_study = [
        (found, each)
        for found, each in statements(clinic, "study")
        if "medical-imaging:StudyInstanceUID" in str(each.get("Condition"))
    ]
    ((found, _),) = by_study
    assert found == imaging(*people_rights.BY_STUDY)
    assert actions(clinic, "study") - found == imaging("GetDatastore")
    assert imaging("SearchImageSets", "GetImageSetMetadata", "GetImageFrame") <= actions(
        clinic, "study", "Deny"
    )


def test_only_stewards_change_image_sets(clinic: Any) -> None:
    writes = imaging(*people_rights.IMAGE_SET_WRITES)
    teams = load_deployment(str(FILE)).people.teams
    assert {team for team in teams if actions(clinic, team) & writes} == {"stewards"}
    assert writes <= actions(clinic, "stewards")


def test_an_auditor_is_denied_whatever_holds_patients_data(clinic: Any) -> None:
    denied = actions(clinic, "auditors", "Deny")
    assert imaging(*READ_ACTIONS) - denied == imaging("GetDatastore")
    assert {"s3:GetObject", "s3:ListBucket", "dynamodb:Query", "sqs:ReceiveMessage"} <= denied
    # inputS3Uri stands in a job's own description, and not in the list of jobs.
    assert imaging("GetDICOMImportJob") <= denied
    assert imaging("ListDICOMImportJobs") <= actions(clinic, "auditors")


def test_an_operator_reads_no_image(clinic: Any) -> None:
    assert actions(clinic, "operators") & imaging(*READ_ACTIONS) == imaging("GetDatastore")
    assert "s3:GetObject" not in actions(clinic, "operators")


def test_a_team_of_one_store_is_given_nothing_of_the_ledger(clinic: Any) -> None:
    assert not {action for action in actions(clinic, "importers") if action.startswith("dynamodb:")}


def test_keys_are_used_through_a_service_only(clinic: Any) -> None:
    for team in load_deployment(str(FILE)).people.teams:
        for found, each in statements(clinic, team):
            if found & {"kms:Decrypt", "kms:GenerateDataKey"}:
                assert "kms:ViaService" in each["Condition"]["StringEquals"]


def test_nobody_passes_a_role_or_changes_iam(clinic: Any) -> None:
    for team in load_deployment(str(FILE)).people.teams:
        for action in actions(clinic, team):
            service, _, name = action.partition(":")
            assert service != "iam" or name.startswith(("Get", "List"))
            assert service != "sts"


def test_a_policy_is_attached_to_the_groups_of_its_team(clinic: Any) -> None:
    assert policy(clinic, "readers")["Groups"] == ["readers"]


def test_no_policy_outgrows_iams_limit(clinic: Any) -> None:
    check_sizes({"people": clinic.by_stack["People"]})


def test_teams_become_permission_sets_where_identity_center_is_named(make_templates: Any) -> None:
    deployment = load_deployment(str(FILE))
    teams = {"readers": deployment.people.teams["readers"].model_copy(update={"groups": ()})}
    people = deployment.people.model_copy(update={"identity_center": IDENTITY_CENTER, "teams": teams})
    templates = make_templates(deployment.model_copy(update={"people": people}))
    (made,) = templates.resources("People", "AWS::SSO::PermissionSet").values()
    assert made["Properties"]["Name"] == "clinic-readers"
    assert made["Properties"]["InstanceArn"] == IDENTITY_CENTER
    (named,) = made["Properties"]["CustomerManagedPolicyReferences"]
    assert named["Name"] == policy(templates, "readers")["ManagedPolicyName"]

"""Teams of people who work with data stores: one managed policy each, and what it is attached to."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sso as sso
from constructs import Construct

from healthimaging import people_rights as rights
from healthimaging.acknowledge import acknowledge_statements

SESSION = "PT8H"


@dataclass(frozen=True, kw_only=True)
class TeamRights:
    """A role of `people_rights`, and what readers and stewards are kept to."""

    role: str
    fence: rights.Fence

    def statements(self, at: rights.Workplace) -> list[iam.PolicyStatement]:
        match self.role:
            case "importer":
                return rights.importer(at)
            case "reader":
                return rights.reader(at, self.fence)
            case "steward":
                return rights.steward(at, self.fence)
            case "auditor":
                return rights.auditor(at)
            case "operator":
                return rights.operator(at)
        raise ValueError(f"{self.role!r} is no role: importer, reader, steward, auditor or operator")


class Team(Construct):
    """The managed policy of a team. Its name can be foretold, since permission sets refer to it by name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        team_rights: TeamRights,
        workplace: rights.Workplace,
        policy_name: str,
        groups: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self.policy_name = policy_name
        statements = team_rights.statements(workplace)
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=policy_name,
            description=f"Rights of people: {team_rights.role}",
            statements=statements,
            groups=[iam.Group.from_group_name(self, name, name) for name in groups],
        )
        acknowledge_statements(
            policy,
            "The wildcards stand for image sets and objects not yet known, for this deployment's own stacks "
            "and roles, and for actions that take no resource.",
            statements,
        )

    def add_permission_set(self, instance_arn: str, name: str) -> None:
        """Make the team a permission set of IAM Identity Center, which looks for the policy by its name."""
        made = sso.CfnPermissionSet(
            self,
            "PermissionSet",
            instance_arn=instance_arn,
            name=name,
            session_duration=SESSION,
            customer_managed_policy_references=[
                sso.CfnPermissionSet.CustomerManagedPolicyReferenceProperty(name=self.policy_name, path="/")
            ],
        )
        made.node.add_dependency(self.node.find_child("Policy"))

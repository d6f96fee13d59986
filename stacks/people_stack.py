"""What people may do: a policy for each team of the deployment file."""

from typing import Any

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from config.deployment import Deployment
from config.people import Team as TeamOfFile
from config.people import policy_name
from healthimaging.people import Team, TeamRights
from healthimaging.people_rights import Fence, TeamStore, Workplace
from stacks.data_stack import DataStack
from stacks.import_stack import ImportStack


class PeopleStack(Stack):
    """Managed policies on IAM groups, or as permission sets of IAM Identity Center."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        data: DataStack,
        imports: ImportStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self._deployment, self._data, self._imports = deployment, data, imports
        prefix = f"ahi-{deployment.name}"
        for team_id, team in deployment.people.teams.items():
            name = policy_name(deployment.name, deployment.region, team_id)
            made = Team(
                self,
                team_id.capitalize(),
                team_rights=TeamRights(
                    role=team.role,
                    fence=Fence(matching_tag=team.matching_tag, studies=team.studies, series=team.series),
                ),
                workplace=self._workplace(team, prefix),
                policy_name=name,
                groups=team.groups,
            )
            if deployment.people.identity_center:
                made.add_permission_set(deployment.people.identity_center, f"{deployment.name}-{team_id}")
            CfnOutput(self, f"{team_id.title().replace('-', '')}Policy", value=name)

    def _workplace(self, team: TeamOfFile, prefix: str) -> Workplace:
        deployment = self._deployment
        ids = team.data_stores or tuple(deployment.data_stores)
        return Workplace(
            stack_prefix=prefix,
            stores=[
                TeamStore(
                    id=store_id,
                    prefix=deployment.data_stores[store_id].prefix,
                    datastore=self._data.datastores[store_id],
                )
                for store_id in ids
            ],
            has_all=set(ids) == set(deployment.data_stores),
            storage=self._data.storage,
            dicom_import=self._imports.dicom_import,
            key=self._data.key,
        )

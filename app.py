"""Synthesize the stacks of one deployment: `cdk deploy --all -c deployment=production`."""

import os
import sys
from dataclasses import replace
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags

from config.deployment import Deployment, deployment_file, load_deployment, refuse_own_account
from config.errors import DeploymentError
from config.names import PACE_STACK, bus_name
from healthimaging.datastore import CLOUDFORMATION_TYPE
from healthimaging.datastore_lock import DatastoreLockError, check_locks
from healthimaging.template_sizes import TemplateSizeError, check_sizes
from stacks.access_stack import AccessStack
from stacks.audit_stack import AuditStack
from stacks.data_stack import DataStack
from stacks.import_stack import ImportStack
from stacks.network_stack import NetworkStack
from stacks.pace_stack import PaceStack
from stacks.partner_stack import PartnerStack, partner_buckets
from stacks.people_stack import PeopleStack
from stacks.watch_stack import WatchStack


def make_stacks(app: App, deployment: Deployment) -> None:
    """The stacks of `deployment`, with its tags on all that may be tagged."""
    common: dict[str, Any] = {
        "deployment": deployment,
        "env": Environment(account=deployment.account, region=deployment.region),
    }
    prefix = f"ahi-{deployment.name}"
    data = DataStack(app, "Data", stack_name=f"{prefix}-data", **common)
    access = AccessStack(app, "Access", stack_name=f"{prefix}-access", data=data, **common)
    functions = data.functions
    if "network" in deployment.stacks:
        network = NetworkStack(app, "Network", stack_name=f"{prefix}-network", data=data, **common)
        functions = replace(functions, placement=network.placement)
    imports = ImportStack(
        app,
        "Import",
        stack_name=f"{prefix}-import",
        data=data,
        access=access,
        functions=functions,
        **common,
    )
    if deployment.people.teams:
        PeopleStack(app, "People", stack_name=f"{prefix}-people", data=data, imports=imports, **common)
    if "watch" in deployment.stacks:
        WatchStack(app, "Watch", stack_name=f"{prefix}-watch", data=data, imports=imports, **common)
    if "audit" in deployment.stacks:
        AuditStack(app, "Audit", stack_name=f"{prefix}-audit", data=data, access=access, **common)
    for name, value in deployment.tags.items():
        # A stack's own tags are copied by CloudFormation to its resources, so to the data stores.
        Tags.of(app).add(name, value, exclude_resource_types=["aws:cdk:stack", CLOUDFORMATION_TYPE])
    if "pace" in deployment.stacks:
        pace = PaceStack(app, "Pace", stack_name=PACE_STACK, env=common["env"])
        imports.add_stack_dependency(pace)
        for name in deployment.tags:
            # The stack is every deployment's, and must be the same whoever deploys it.
            Tags.of(pace).remove(name, priority=300)


def make_partner_stack(app: App, deployment: Deployment, name: str) -> None:
    """The stack that the partner `name` deploys, and no other."""
    partner = next((one for one in partner_buckets(deployment) if one.id == name), None)
    if partner is None:
        known = ", ".join(deployment.partners) or "none"
        raise DeploymentError(f"{name}: no such partner of {deployment.name}. There are {known}.")
    # Not the account of the credentials: those are the partner's.
    account = deployment.account or app.node.try_get_context("account")
    if account is None:
        raise DeploymentError("account: give it in the deployment's file, or with -c account=<12 digits>")
    PartnerStack(
        app,
        "Partner",
        stack_name=f"ahi-{deployment.name}-partner-{name}",
        partner=partner,
        bus_arn=f"arn:aws:events:{deployment.region}:{account}:event-bus/{bus_name(deployment.name)}",
        env=Environment(account=partner.account, region=partner.region),
        # The stack has no files, so the partner need not have bootstrapped its account for the CDK.
        synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        analytics_reporting=False,
    )


def main() -> None:
    """Refuse a wrong deployment file, what AWS would refuse for its size, and a change that would replace a
    data store, in plain words.
    """
    app = App()
    name = app.node.try_get_context("deployment") or os.environ.get("AHI_DEPLOYMENT") or "sandbox"
    try:
        deployment = load_deployment(name)
        if partner := app.node.try_get_context("partner"):
            make_partner_stack(app, deployment, partner)
            app.synth()
            return
        account = deployment.account or os.environ.get("CDK_DEFAULT_ACCOUNT")
        refuse_own_account(deployment, account)
        make_stacks(app, deployment)
        templates = {stack.stack_name: stack.template for stack in app.synth().stacks}
        check_sizes(templates)
        check_locks(
            templates,
            folder=deployment_file(name).parent / "locks",
            deployment=deployment.name,
            account=account,
            region=deployment.region,
        )
    except (DeploymentError, DatastoreLockError, TemplateSizeError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

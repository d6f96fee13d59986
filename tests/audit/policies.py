"""The policies of a cloud assembly, with every reference spelt as an ARN of the kind of what it names."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HERE = "us-east-1:111122223333"
ARNS = {
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::DynamoDB::Table": f"dynamodb:{HERE}:table/{{name}}",
    "AWS::StepFunctions::StateMachine": f"states:{HERE}:stateMachine:{{name}}",
    "AWS::SQS::Queue": f"sqs:{HERE}:{{name}}",
    "AWS::SNS::Topic": f"sns:{HERE}:{{name}}",
    "AWS::KMS::Key": f"kms:{HERE}:key/{{name}}",
    "AWS::IAM::Role": "iam::111122223333:role/{name}",
    "AWS::Logs::LogGroup": f"logs:{HERE}:log-group:{{name}}:*",
    "AWS::Lambda::Function": f"lambda:{HERE}:function:{{name}}",
    "AWS::Events::Rule": f"events:{HERE}:rule/{{name}}",
    "AWS::HealthImaging::Datastore": f"medical-imaging:{HERE}:datastore/{{name}}",
}
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": "111122223333",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
# Where a policy stands in the properties of a resource; of a role's trust parliament knows nothing.
DOCUMENTS = {
    "AWS::IAM::Policy": "PolicyDocument",
    "AWS::IAM::ManagedPolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::EC2::VPCEndpoint": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
}


class Assembly:
    """The templates that one `cdk synth` wrote into a folder."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(folder.glob("*.template.json"))
        self._templates = {path: json.loads(path.read_text(encoding="utf-8")) for path in paths}
        self._exports = {
            output["Export"]["Name"]: (template, output["Value"])
            for template in self._templates.values()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def policies(self) -> Iterator[tuple[str, str, str]]:
        """The name, type and JSON of each policy that is on its own, in a role, or on a resource."""
        for path, template in self._templates.items():
            for name, resource in template["Resources"].items():
                for document in _documents(resource):
                    text = json.dumps(self._spelt(template, document))
                    yield f"{path.name} {name}", resource["Type"], text

    def _spelt(self, template: Mapping[str, Any], value: Any) -> Any:
        match value:
            case {"Fn::Join": [delimiter, parts]}:
                return delimiter.join(self._spelt(template, part) for part in parts)
            case {"Fn::GetAtt": [name, attribute]} if attribute.endswith("Arn"):
                return f"arn:aws:{ARNS[template['Resources'][name]['Type']].format(name=name)}"
            case {"Fn::GetAtt": [name, _]}:
                return name
            case {"Fn::ImportValue": name}:
                return self._spelt(*self._exports[name])
            case {"Fn::Sub": text}:
                for name, word in PSEUDO.items():
                    text = text.replace(f"${{{name}}}", word)
                return text
            case {"Ref": name} if name in PSEUDO:
                return PSEUDO[name]
            case {"Ref": name}:
                kind = template["Resources"][name]["Type"]
                return f"arn:aws:{ARNS[kind].format(name=name)}" if kind == "AWS::SNS::Topic" else name
            case dict():
                return {key: self._spelt(template, each) for key, each in value.items()}
            case list():
                return [self._spelt(template, each) for each in value]
        return value


def _documents(resource: Mapping[str, Any]) -> Iterator[Any]:
    properties, kind = resource.get("Properties", {}), resource["Type"]
    if kind in DOCUMENTS and DOCUMENTS[kind] in properties:
        yield properties[DOCUMENTS[kind]]
    if kind == "AWS::IAM::Role":
        yield from (inline["PolicyDocument"] for inline in properties.get("Policies", []))

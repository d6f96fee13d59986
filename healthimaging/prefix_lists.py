"""The prefix lists of the services that gateway endpoints reach, by Region.

CloudFormation cannot look one up. AWS made them and keeps their ids:
`aws ec2 describe-prefix-lists --region <region>` shows both.
"""

from collections.abc import Mapping

S3: Mapping[str, str] = {
    "us-east-1": "pl-63a5400a",
    "us-west-2": "pl-68a54001",
    "ap-southeast-2": "pl-6ca54005",
    "eu-west-1": "pl-6da54004",
    "eu-west-2": "pl-7ca54015",
}
DYNAMODB: Mapping[str, str] = {
    "us-east-1": "pl-02cd2c6b",
    "us-west-2": "pl-00a54069",
    "ap-southeast-2": "pl-62a5400b",
    "eu-west-1": "pl-6fa54006",
    "eu-west-2": "pl-b3a742da",
}

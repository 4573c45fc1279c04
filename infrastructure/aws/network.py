"""The network that a warehouse is put into, where it is not the stack's own: what must be true of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.errors import PlatformError
from infrastructure.aws.calls import aws_errors_as

# Redshift Serverless with enhanced routing wants three zones; N. California has two.
_ZONES, _TWO_ZONES = 3, ("us-west-1",)
_RPUS_PER_ADDRESS, _FIXED_ADDRESSES = 4, 5


@dataclass(frozen=True)
class Subnet:
    """A subnet, and whether its routes lead to S3 without a public address."""

    subnet_id: str
    vpc_id: str
    zone: str
    free_addresses: int
    reaches_s3: bool


def check_network(ec2: Any, vpc_id: str, subnets: str, groups: str, capacity: int) -> None:
    """Check the VPC, the subnets and the security groups (ids separated by commas) of a warehouse of `capacity` RPUs.

    `ec2` is a boto3 client. Raises PlatformError with everything that is wrong with them.
    """
    with aws_errors_as(f"reading the network {vpc_id}"):
        found = _subnets(ec2, _ids(subnets))
        owners = _vpcs_of_groups(ec2, _ids(groups))
    faults = network_faults(vpc_id, found, owners, capacity, ec2.meta.region_name)
    if faults:
        raise PlatformError(
            f"the warehouse cannot be created in {vpc_id}:\n  " + "\n  ".join(faults) + "\n"
            "Correct this, or leave VpcId out: the stack then makes a network of its own."
        )


def network_faults(
    vpc_id: str, subnets: Sequence[Subnet], vpcs_of_groups: Mapping[str, str], capacity: int, region: str
) -> list[str]:
    """Return a line per reason why a warehouse of `capacity` RPUs cannot be in these subnets, with these security groups."""
    zones = {subnet.zone for subnet in subnets}
    wanted, needed = 2 if region in _TWO_ZONES else _ZONES, addresses_needed(capacity)
    return [
        *([] if len(subnets) >= _ZONES else [f"{len(subnets)} subnets are given; Redshift Serverless needs {_ZONES}"]),
        *([] if len(zones) >= wanted else [f"its subnets are in {len(zones)} zones; {wanted} are needed"]),
        *(f"{s.subnet_id} is in {s.vpc_id}" for s in subnets if s.vpc_id != vpc_id),
        *(f"{group} is in {vpc}" for group, vpc in vpcs_of_groups.items() if vpc != vpc_id),
        *(
            f"{s.subnet_id} has {s.free_addresses} free addresses; {capacity} RPUs need {needed}"
            for s in subnets
            if s.free_addresses < needed
        ),
        *(
            f"{s.subnet_id} has no route to S3, which COPY reads: add a gateway endpoint for S3 to its route table"
            for s in subnets
            if not s.reaches_s3
        ),
    ]


def addresses_needed(capacity: int) -> int:
    """Return the free addresses that each subnet of a workgroup needs, as AWS documents them: 13 for 32 RPUs, 21 for 64."""
    return capacity // _RPUS_PER_ADDRESS + _FIXED_ADDRESSES


def _ids(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _vpcs_of_groups(ec2: Any, groups: Sequence[str]) -> dict[str, str]:
    if not groups:
        return {}
    found = ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]
    return {group["GroupId"]: group["VpcId"] for group in found}


def _subnets(ec2: Any, ids: Sequence[str]) -> list[Subnet]:
    found = ec2.describe_subnets(SubnetIds=ids)["Subnets"] if ids else []
    vpcs = [{"Name": "vpc-id", "Values": sorted({subnet["VpcId"] for subnet in found})}]
    tables = ec2.describe_route_tables(Filters=vpcs)["RouteTables"] if found else []
    endpoints = ec2.describe_vpc_endpoints(Filters=vpcs)["VpcEndpoints"] if found else []
    to_s3 = {table for endpoint in endpoints if _is_s3_gateway(endpoint) for table in endpoint["RouteTableIds"]}
    return [
        Subnet(
            subnet["SubnetId"],
            subnet["VpcId"],
            subnet["AvailabilityZone"],
            subnet["AvailableIpAddressCount"],
            _reaches_s3(_routes_of(subnet, tables), to_s3),
        )
        for subnet in found
    ]


def _is_s3_gateway(endpoint: Mapping[str, Any]) -> bool:
    return bool(endpoint["VpcEndpointType"] == "Gateway" and endpoint["ServiceName"].endswith(".s3"))


def _routes_of(subnet: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The route table that a subnet is associated with, else the main one of its VPC."""
    own = [table for table in tables if table["VpcId"] == subnet["VpcId"]]
    links = [(link, table) for table in own for link in table["Associations"]]
    explicit = [table for link, table in links if link.get("SubnetId") == subnet["SubnetId"]]
    return (explicit or [table for link, table in links if link.get("Main")])[0]


def _reaches_s3(table: Mapping[str, Any], to_s3: set[str]) -> bool:
    """Through an S3 endpoint, or a default route. An internet gateway does not count: the warehouse has no public address."""
    return table["RouteTableId"] in to_s3 or any(
        route.get("DestinationCidrBlock") == "0.0.0.0/0" and not str(route.get("GatewayId", "")).startswith("igw-")
        for route in table["Routes"]
    )

"""The network that a deployment is given: what must be true of it, read from EC2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import PlatformError
from infrastructure.aws.network import Subnet, addresses_needed, check_network, network_faults

GOOD = tuple(Subnet(f"subnet-{zone}", "vpc-1", zone, 250, True) for zone in "abc")


def _faults(subnets=GOOD, groups=None, capacity=8, region="eu-west-1"):
    return network_faults("vpc-1", subnets, groups or {}, capacity, region)


def test_three_subnets_in_three_zones_are_enough():
    assert _faults(groups={"sg-1": "vpc-1"}) == []


@pytest.mark.parametrize(
    ("subnet", "fault"),
    [
        (Subnet("subnet-x", "vpc-1", "a", 250, True), "its subnets are in 2 zones; 3 are needed"),
        (Subnet("subnet-x", "vpc-2", "c", 250, True), "subnet-x is in vpc-2"),
        (Subnet("subnet-x", "vpc-1", "c", 6, True), "subnet-x has 6 free addresses; 8 RPUs need 7"),
        (Subnet("subnet-x", "vpc-1", "c", 250, False), "subnet-x has no route to S3, which COPY reads: add a gateway"),
    ],
)
def test_each_fault_is_named(subnet, fault):
    (found,) = _faults((*GOOD[:2], subnet))
    assert found.startswith(fault)


def test_every_fault_is_named():
    subnets = (Subnet("subnet-1", "vpc-2", "a", 1, False),)
    assert len(_faults(subnets, {"sg-1": "vpc-2"})) == 6


def test_foreign_security_group_is_named():
    assert _faults(groups={"sg-1": "vpc-1", "sg-2": "vpc-9"}) == ["sg-2 is in vpc-9"]


def test_region_with_two_zones_needs_two():
    subnets = (*GOOD[:2], Subnet("subnet-x", "vpc-1", "a", 250, True))
    assert _faults(subnets, region="us-west-1") == []
    assert _faults(subnets) == ["its subnets are in 2 zones; 3 are needed"]


@pytest.mark.parametrize(("capacity", "addresses"), [(32, 13), (64, 21), (128, 37), (256, 69), (512, 133)])
def test_addresses_are_those_that_aws_documents(capacity, addresses):
    assert addresses_needed(capacity) == addresses


@given(st.permutations([*GOOD, Subnet("subnet-x", "vpc-2", "d", 3, False)]))
def test_order_of_the_subnets_does_not_matter(subnets):
    assert len(_faults(tuple(subnets))) == 3


@pytest.fixture
def vpc(ec2):
    """A VPC with three subnets in three zones and no way to S3: its id, and those of the subnets."""
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]
        for n, zone in enumerate("abc")
    ]
    return vpc_id, [subnet["SubnetId"] for subnet in subnets]


def _tables(ec2, vpc_id):
    return ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["RouteTables"]


def _endpoint(ec2, vpc_id, table, service="s3"):
    name = f"com.amazonaws.us-east-1.{service}"
    ec2.create_vpc_endpoint(VpcId=vpc_id, ServiceName=name, VpcEndpointType="Gateway", RouteTableIds=[table])


def test_endpoint_on_the_main_table_counts_for_every_subnet(ec2, vpc):
    vpc_id, subnets = vpc
    with pytest.raises(PlatformError, match=r"(?s)cannot be created.*no route to S3.*leave VpcId out"):
        check_network(ec2, vpc_id, ",".join(subnets), "", 8)
    main = _tables(ec2, vpc_id)[0]["RouteTableId"]
    _endpoint(ec2, vpc_id, main, "dynamodb")
    with pytest.raises(PlatformError, match="no route to S3"):
        check_network(ec2, vpc_id, ",".join(subnets), "", 8)
    _endpoint(ec2, vpc_id, main)
    check_network(ec2, vpc_id, " , ".join(subnets), "", 8)


def test_own_table_of_a_subnet_counts_and_not_the_main_one(ec2, vpc):
    vpc_id, subnets = vpc
    _endpoint(ec2, vpc_id, _tables(ec2, vpc_id)[0]["RouteTableId"])
    own = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=own, SubnetId=subnets[1])
    with pytest.raises(PlatformError) as error:
        check_network(ec2, vpc_id, ",".join(subnets), "", 8)
    assert [s in str(error.value) for s in subnets] == [False, True, False]


def test_nat_is_a_way_to_s3_and_an_internet_gateway_is_none(ec2, vpc):
    vpc_id, subnets = vpc
    table = _tables(ec2, vpc_id)[0]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    with pytest.raises(PlatformError, match="no route to S3"):
        check_network(ec2, vpc_id, ",".join(subnets), "", 8)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    check_network(ec2, vpc_id, ",".join(subnets), "", 8)


def test_missing_things_are_named(ec2, vpc):
    vpc_id, subnets = vpc
    with pytest.raises(PlatformError, match=f"reading the network {vpc_id}: The subnet ID"):
        check_network(ec2, vpc_id, f"{subnets[0]},subnet-123", "", 8)
    with pytest.raises(PlatformError, match="sg-123"):
        check_network(ec2, vpc_id, ",".join(subnets), "sg-123", 8)
    with pytest.raises(PlatformError, match="0 subnets are given"):
        check_network(ec2, vpc_id, "", "", 8)


def test_security_group_of_another_vpc_is_named(ec2, vpc):
    vpc_id, subnets = vpc
    _endpoint(ec2, vpc_id, _tables(ec2, vpc_id)[0]["RouteTableId"])
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="theirs", Description="d", VpcId=other)["GroupId"]
    with pytest.raises(PlatformError, match=f"{group} is in {other}"):
        check_network(ec2, vpc_id, ",".join(subnets), group, 8)

"""The network of the templates: who reaches the warehouse, and how code in the VPC reaches AWS.

Each claim is a function that is true of the templates, and false of every change that is listed beside it.
"""

import ast
from pathlib import Path

import pytest

import blocks
from tests.unit.templates import parsed, resources, spoiled

PROPERTIES = "Properties"
PRIVATE = ["SubnetA", "SubnetB", "SubnetC"]
# Which endpoint a client of boto3 calls, where it has another name.
ENDPOINTS = {"cloudwatch": "monitoring"}
NOT_PRIVATE = {
    "s3": "a gateway endpoint",
    "redshift": "a provisioned cluster of one's own has a network of its own",
}
# What Fargate calls for a task: its image, its log, its secrets.
OF_A_WORKER = {"ecr.api", "ecr.dkr", "logs", "secretsmanager"}


@pytest.fixture(scope="module")
def network():
    return parsed("network")


@pytest.fixture(scope="module")
def lakehouse():
    return parsed()


def _called_services():
    """The services whose clients the blocks make: they run in the worker."""
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(blocks.__file__).parent.glob("*.py")]
    calls = [node for tree in sources for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.args[1].value
        for call in calls
        if getattr(call.func, "id", "") == "aws_client" and isinstance(call.args[1], ast.Constant)
    }


def _endpoints(network, kind):
    found = resources(network, "AWS::EC2::VPCEndpoint").values()
    return [endpoint for endpoint in found if endpoint["VpcEndpointType"] == kind]


def _service(endpoint):
    return endpoint["ServiceName"]["Fn::Sub"].removeprefix("com.amazonaws.${AWS::Region}.")


def has_an_endpoint_for_every_called_service(network):
    called = {ENDPOINTS.get(name, name) for name in _called_services() if name not in NOT_PRIVATE}
    wanted = called | OF_A_WORKER
    return {_service(endpoint) for endpoint in _endpoints(network, "Interface")} == wanted


def has_names_that_lead_to_the_endpoints(network):
    vpc = network["Resources"]["Vpc"][PROPERTIES]
    return (
        vpc["EnableDnsSupport"]
        and vpc["EnableDnsHostnames"]
        and all(endpoint["PrivateDnsEnabled"] for endpoint in _endpoints(network, "Interface"))
    )


def lets_the_vpc_into_its_endpoints(network):
    (rule,) = network["Resources"]["EndpointAccess"][PROPERTIES]["SecurityGroupIngress"]
    return (rule["FromPort"], rule["ToPort"], rule["CidrIp"]) == (443, 443, {"Ref": "VpcCidr"}) and all(
        endpoint["SecurityGroupIds"] == [{"Ref": "EndpointAccess"}] for endpoint in _endpoints(network, "Interface")
    )


def has_three_subnets_in_three_zones(network):
    subnets = resources(network, "AWS::EC2::Subnet")
    zones = [subnets[name]["AvailabilityZone"]["Fn::Select"][0] for name in PRIVATE]
    ranges = [subnet["CidrBlock"]["Fn::Select"][0] for subnet in subnets.values()]
    output = network["Outputs"]["SubnetIds"]["Value"]["Fn::Join"]
    return (
        sorted(zones) == [0, 1, 2]
        and len(set(ranges)) == len(subnets)
        and output == [",", [{"Ref": name} for name in PRIVATE]]
    )


def takes_zones_that_are_named(network):
    """Redshift Serverless and interface endpoints are not in every zone, and GetAZs knows nothing of that."""
    chosen = {"Fn::If": ["HasZones", {"Ref": "Zones"}, {"Fn::GetAZs": ""}]}
    subnets = resources(network, "AWS::EC2::Subnet").values()
    return network["Parameters"]["Zones"]["Default"] == "" and all(
        subnet["AvailabilityZone"]["Fn::Select"][1] == chosen for subnet in subnets
    )


def routes_every_private_subnet_to_s3(network):
    (endpoint,) = _endpoints(network, "Gateway")
    links = resources(network, "AWS::EC2::SubnetRouteTableAssociation").values()
    routed = [link["SubnetId"]["Ref"] for link in links if link["RouteTableId"] in endpoint["RouteTableIds"]]
    return _service(endpoint) == "s3" and sorted(routed) == PRIVATE


def has_no_way_out_unless_it_is_wanted(network):
    ways = ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP")
    found = [resource for resource in network["Resources"].values() if resource["Type"] in ways]
    return network["Parameters"]["WorkerAccess"]["Default"] != "nat" and all(
        resource.get("Condition") == "HasNat" for resource in found
    )


_SUBNET_B = ("Resources", "SubnetB", PROPERTIES)


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (has_an_endpoint_for_every_called_service, ("Resources", "AthenaEndpoint"), None),
        (has_an_endpoint_for_every_called_service, ("Resources", "QueueEndpoint", PROPERTIES, "ServiceName"), {"Fn::Sub": "com.amazonaws.${AWS::Region}.ssm"}),
        (has_names_that_lead_to_the_endpoints, ("Resources", "GlueEndpoint", PROPERTIES, "PrivateDnsEnabled"), False),
        (has_names_that_lead_to_the_endpoints, ("Resources", "Vpc", PROPERTIES, "EnableDnsHostnames"), False),
        (lets_the_vpc_into_its_endpoints, ("Resources", "EndpointAccess", PROPERTIES, "SecurityGroupIngress", 0, "FromPort"), 80),
        (lets_the_vpc_into_its_endpoints, ("Resources", "LogsEndpoint", PROPERTIES, "SecurityGroupIds"), []),
        (has_three_subnets_in_three_zones, (*_SUBNET_B, "AvailabilityZone", "Fn::Select", 0), 0),
        (has_three_subnets_in_three_zones, (*_SUBNET_B, "CidrBlock", "Fn::Select", 0), 3),
        (has_three_subnets_in_three_zones, ("Outputs", "SubnetIds", "Value", "Fn::Join", 1, 2), None),
        (takes_zones_that_are_named, (*_SUBNET_B, "AvailabilityZone", "Fn::Select", 1), {"Fn::GetAZs": ""}),
        (takes_zones_that_are_named, ("Parameters", "Zones", "Default"), "a,b,c"),
        (routes_every_private_subnet_to_s3, ("Resources", "RoutesC"), None),
        (routes_every_private_subnet_to_s3, ("Resources", "S3Endpoint", PROPERTIES, "RouteTableIds"), []),
        (has_no_way_out_unless_it_is_wanted, ("Resources", "NatRoute", "Condition"), None),
        (has_no_way_out_unless_it_is_wanted, ("Parameters", "WorkerAccess", "Default"), "nat"),
    ],
)  # fmt: skip
def test_network_stack(network, claim, path, value):
    assert claim(network)
    assert not claim(spoiled(network, path, value))


def _ingress(lakehouse):
    return lakehouse["Resources"]["WarehouseAccess"][PROPERTIES]["SecurityGroupIngress"]


def lets_only_its_clients_into_the_warehouse(lakehouse):
    clients, *named = _ingress(lakehouse)
    rules = [clients, *(rule["Fn::If"][1] for rule in named)]
    sources = [rule.get("SourceSecurityGroupId", rule.get("CidrIp")) for rule in rules]
    return (
        sources
        == [
            {"Fn::GetAtt": ["WarehouseClients", "GroupId"]},
            {"Ref": "WarehouseClientCidr"},
            {"Ref": "WarehouseClientSecurityGroup"},
        ]
        and all((rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 5439, 5439) for rule in rules)
        and lakehouse["Parameters"]["WarehouseClientCidr"]["Default"] == ""
        and "SecurityGroupIngress" not in lakehouse["Resources"]["WarehouseClients"][PROPERTIES]
    )


def puts_the_warehouse_into_the_network(lakehouse):
    workgroup = lakehouse["Resources"]["RedshiftWorkgroup"][PROPERTIES]
    return (
        workgroup["SubnetIds"]["Fn::If"][1] == {"Fn::Split": [",", {"Ref": "SubnetIds"}]}
        and workgroup["SecurityGroupIds"]["Fn::If"][2] == [{"Ref": "WarehouseAccess"}]
        and workgroup["EnhancedVpcRouting"]
        and all(
            lakehouse["Resources"][name][PROPERTIES]["VpcId"] == {"Ref": "VpcId"}
            for name in ("WarehouseAccess", "WarehouseClients")
        )
    )


def refuses_a_warehouse_without_a_network(lakehouse):
    (rule,) = lakehouse["Rules"].values()
    (assertion,) = rule["Assertions"]
    return rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "CreateRedshift"}, "true"]} and assertion["Assert"] == {
        "Fn::And": [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("VpcId", "SubnetIds")]
    }


def says_which_group_a_client_joins(lakehouse):
    return lakehouse["Outputs"]["ClientSecurityGroup"]["Value"] == {"Fn::GetAtt": ["WarehouseClients", "GroupId"]}


_INGRESS = ("Resources", "WarehouseAccess", PROPERTIES, "SecurityGroupIngress")
_WORKGROUP = ("Resources", "RedshiftWorkgroup", PROPERTIES)


@pytest.mark.parametrize(
    ("claim", "path", "value"),
    [
        (lets_only_its_clients_into_the_warehouse, (*_INGRESS, 0, "SourceSecurityGroupId"), {"Ref": "Other"}),
        (lets_only_its_clients_into_the_warehouse, (*_INGRESS, 0, "FromPort"), 0),
        (lets_only_its_clients_into_the_warehouse, (*_INGRESS, 1, "Fn::If", 1, "CidrIp"), "10.0.0.0/8"),
        (lets_only_its_clients_into_the_warehouse, ("Parameters", "WarehouseClientCidr", "Default"), "10.0.0.0/8"),
        (puts_the_warehouse_into_the_network, (*_WORKGROUP, "SecurityGroupIds", "Fn::If", 2), []),
        (puts_the_warehouse_into_the_network, (*_WORKGROUP, "EnhancedVpcRouting"), False),
        (puts_the_warehouse_into_the_network, ("Resources", "WarehouseAccess", PROPERTIES, "VpcId"), "vpc-1"),
        (refuses_a_warehouse_without_a_network, ("Rules", "WarehouseNeedsANetwork", "RuleCondition", "Fn::Equals", 1), "false"),
        (says_which_group_a_client_joins, ("Outputs", "ClientSecurityGroup", "Value"), {"Ref": "WarehouseAccess"}),
    ],
)  # fmt: skip
def test_lakehouse_stack(lakehouse, claim, path, value):
    assert claim(lakehouse)
    assert not claim(spoiled(lakehouse, path, value))


def test_the_glue_job_needs_no_network(lakehouse):
    """It runs in AWS's network and reaches S3 and the package index; a connection would move it into the private VPC."""
    assert resources(lakehouse, "AWS::Glue::Connection") == {}
    assert "Connections" not in lakehouse["Resources"]["Job"][PROPERTIES]


def test_outputs_of_the_network_are_parameters_of_the_lakehouse(network, lakehouse):
    assert set(network["Outputs"]) == {"VpcId", "SubnetIds"}
    assert set(network["Outputs"]) <= set(lakehouse["Parameters"])

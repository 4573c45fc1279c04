"""What moto's CloudFormation lacks, in one place: outputs of stacks that a change set has made."""

from moto.cloudformation.models import cloudformation_backends

from tests.cloud.stand_in import ACCOUNT, REGION


def remember_outputs() -> None:
    """moto computes the outputs of a stack before it makes its resources, and forgets them after."""
    for stack in cloudformation_backends[ACCOUNT][REGION].stacks.values():
        stack._parse_template()
        stack.output_map = stack._create_output_map()


def delete_all_stacks() -> None:
    """What a test has made and left."""
    backend = cloudformation_backends[ACCOUNT][REGION]
    for stack_id in list(backend.stacks):
        backend.delete_stack(stack_id)

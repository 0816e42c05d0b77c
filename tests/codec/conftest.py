import pytest


@pytest.fixture(scope="session", params=["cpu", "cuda"])
def torch_backend(request):
    """The networks on torch, on every device that is here."""
    torch = pytest.importorskip("torch", reason="torch is not installed; extra train")
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    from narrows.integrations.torch_backend import TorchBackend

    return TorchBackend(request.param)

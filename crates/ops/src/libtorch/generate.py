# pip install torch==2.9.0
"""The torch operations that the bindings lack, as a TorchScript archive.

    python generate.py

writes kernels.pt beside this file. LibTorch compiles the methods when the
archive is loaded; they run where their tensors are.

Letters of shapes as in the crate's documentation. All floats are float32,
unless said otherwise.
"""

import pathlib
import tempfile
import zipfile
from typing import List, Tuple

import torch
from torch import Tensor


def mix(value: Tensor) -> Tensor:
    """`mix` of the dropout's hash. int32 has an arithmetic shift, so its sign
    is masked away; products wrap."""
    value = value ^ ((value >> 16) & 0xFFFF)
    value = value * 0x7FEB352D
    value = value ^ ((value >> 15) & 0x1FFFF)
    value = value * -0x7B935975  # 0x846CA68B
    return value ^ ((value >> 16) & 0xFFFF)


def heads_of(rows: Tensor, batch: int, heads: int) -> Tensor:
    """[B * N, D] as [B, N, H, K]."""
    return rows.contiguous().view(batch, -1, heads, rows.size(1) // heads)


def queries_and_bias(
    query: Tensor, mask: Tensor, heads: int, lowest: float
) -> Tuple[Tensor, Tensor, Tensor]:
    """Queries [B, Q, H, K], a bias [B, H, Q, S], and [B, 1, 1, 1], which is 1
    for a sequence with tokens, and 0 for another; in the dtype of `query`.

    A sequence without a token has scores that vanish beside the mask, so its
    probabilities are all equal. The fused kernels would lose them: the lowest
    number overflows in the units of their exponents, and the logarithm of the
    number of keys vanishes beside it. So the queries of such a sequence are
    zeroed instead, and its mask is taken away.
    """
    batch, keys = mask.size(0), mask.size(1)
    top = mask.amax(1, True)
    has_tokens = (top > lowest).to(query.dtype)[:, :, None, None]
    queries = heads_of(query, batch, heads) * has_tokens
    bias = (mask - top).clamp_min(lowest).to(query.dtype)
    # Rows of memory at multiples of 16 bytes.
    bias = torch.nn.functional.pad(bias, [0, -keys % 8])[:, :keys]
    bias = bias[:, None, None, :].expand(-1, heads, queries.size(1), -1)
    return queries, bias, has_tokens


class Kernels(torch.nn.Module):
    @torch.jit.export
    def dropout_factors(
        self, positions: Tensor, low: int, high: int, threshold: int, kept: float
    ) -> Tensor:
        """The factors of a dropout mask: 0, or `kept`.

        The positions and the three numbers are int32 with the bits of the
        uint32 they stand for; the highest bit of the threshold is flipped, as
        that of the hash is here, for then they are in the same order."""
        hashed = mix(mix(positions ^ low) ^ high) ^ -0x80000000
        return (hashed >= threshold).to(torch.float32) * kept

    @torch.jit.export
    def layer_norm_gradients(
        self, rows: Tensor, gamma: Tensor, epsilon: float, gradient: Tensor, wanted: List[bool]
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """The gradients of rows, gamma and beta; of those not wanted, an
        undefined tensor."""
        variance, mean = torch.var_mean(rows, [1], correction=0, keepdim=True)
        inverse = (variance + epsilon).rsqrt()
        return torch.ops.aten.native_layer_norm_backward(
            gradient, rows, [rows.size(1)], mean, inverse, gamma, gamma, wanted
        )

    @torch.jit.export
    def attention(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: int, lowest: float
    ) -> Tensor:
        """Attention without dropout, on query [B * Q, D] and key and value
        [B * S, D] of one dtype, with the additive mask [B, S]. Masked scores
        are at least `lowest`, which is finite in this dtype.

        Returns the result, [B * Q, D], and after it the logarithms of the sums
        of the exponentials; all as one vector."""
        batch = mask.size(0)
        queries, bias, _has_tokens = queries_and_bias(query, mask, heads, lowest)
        keys, values = heads_of(key, batch, heads), heads_of(value, batch, heads)
        if query.is_cuda:
            result, sums, _seed, _offset, _q, _k = torch.ops.aten._efficient_attention_forward(
                queries, keys, values, bias, None, None, None, None, 0.0, 0, True
            )
        else:
            result, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                queries.transpose(1, 2),
                keys.transpose(1, 2),
                values.transpose(1, 2),
                attn_mask=bias,
            )
            result = result.transpose(1, 2)
        return torch.cat([result.reshape(-1).to(torch.float32), sums.reshape(-1)])

    @torch.jit.export
    def attention_gradients(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor,
        heads: int,
        lowest: float,
        left: Tensor,
        gradient: Tensor,
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """The gradients of query, key and value, from what `attention`
        returned. Those of a sequence without a token reach only its values."""
        batch = mask.size(0)
        queries, bias, has_tokens = queries_and_bias(query, mask, heads, lowest)
        keys, values = heads_of(key, batch, heads), heads_of(value, batch, heads)
        gradient = heads_of(gradient, batch, heads)
        result = left[: query.numel()].view(queries.size()).to(query.dtype)
        sums = left[query.numel() :].view(batch, heads, -1)
        if query.is_cuda:
            # Unused without dropout.
            seed = torch.zeros([], dtype=torch.int64)
            # One split of the keys: with more, the order of summation varies.
            of_query, of_key, of_value, _ = torch.ops.aten._efficient_attention_backward(
                gradient, queries, keys, values, bias, result, None, None,
                queries.size(1), keys.size(1), sums, 0.0, seed, seed, 0, False,
                num_splits_key=1,
            )
        else:
            of_query, of_key, of_value = (
                torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
                    gradient.transpose(1, 2),
                    queries.transpose(1, 2),
                    keys.transpose(1, 2),
                    values.transpose(1, 2),
                    result.transpose(1, 2),
                    sums,
                    0.0,
                    False,
                    attn_mask=bias,
                )
            )
            of_query, of_key = of_query.transpose(1, 2), of_key.transpose(1, 2)
            of_value = of_value.transpose(1, 2)
        return (
            (of_query * has_tokens).reshape(query.size()).to(torch.float32),
            of_key.reshape(key.size()).to(torch.float32),
            of_value.reshape(value.size()).to(torch.float32),
        )

    @torch.jit.export
    def adamw(
        self,
        parameters: List[Tensor],
        gradients: List[Tensor],
        first: List[Tensor],
        second: List[Tensor],
        time: int,
        rates: List[float],
    ) -> None:
        """A step, in place. Rates: learning rate, beta1, beta2, weight decay,
        epsilon.

        The lists are arguments, since TorchScript takes a call for one without
        effect if it writes to elements of lists that are made here."""
        steps = [
            torch.full([], float(time), dtype=torch.float32, device=parameter.device)
            for parameter in parameters
        ]
        empty: List[Tensor] = []
        torch.ops.aten._fused_adamw_(
            parameters, gradients, first, second, empty, steps,
            lr=rates[0], beta1=rates[1], beta2=rates[2], weight_decay=rates[3],
            eps=rates[4], amsgrad=False, maximize=False,
        )


def main() -> None:
    target = pathlib.Path(__file__).parent / "kernels.pt"
    with tempfile.TemporaryDirectory() as folder:
        saved = pathlib.Path(folder) / "kernels.pt"
        torch.jit.save(torch.jit.script(Kernels()), saved)
        # Without the debug information, which holds this machine's paths.
        with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(target, "w") as kept:
            for entry in whole.infolist():
                if not entry.filename.endswith(".debug_pkl"):
                    name = zipfile.ZipInfo(entry.filename)
                    kept.writestr(name, whole.read(entry))


if __name__ == "__main__":
    main()

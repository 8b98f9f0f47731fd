"""llama.cpp through its C interface: quantising a file, running one, and reading its activations.

The layouts below are those of the version that tools/llama_cpp_package.sh pins. `Llama` compares
the defaults that the library returns with what they must be, and goes no further if they differ.
Structures end in padding: a library that fills or reads a few bytes more does no harm.
"""
import ctypes
import os
from ctypes import (POINTER, byref, c_bool, c_char_p, c_float, c_int, c_int8, c_int32, c_int64,
                    c_size_t, c_uint8, c_uint32, c_void_p)

import numpy as np

GGML_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8}
N_GGML_TYPES = 43  # as a parameter: whatever the file type implies
# enum llama_ftype: what `llama-quantize` calls by these names.
FILE_TYPES = {"Q4_0": 2, "Q2_K": 10, "IQ2_XXS": 19, "IQ2_XS": 20, "Q2_K_S": 21, "TQ1_0": 36,
              "TQ2_0": 37}
LOG_WARNING = 3  # enum ggml_log_level
LOG_CONTINUED = 5

LogCallback = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
EvalCallback = ctypes.CFUNCTYPE(c_bool, c_void_p, c_bool, c_void_p)


class LibraryError(Exception):
    """What llama.cpp refused, with its own words."""


class ModelParams(ctypes.Structure):
    """struct llama_model_params: only the defaults are used, so no field needs a name."""
    _fields_ = [("bytes", c_uint8 * 256)]


class ContextParams(ctypes.Structure):
    """struct llama_context_params"""
    _fields_ = [
        ("n_ctx", c_uint32), ("n_batch", c_uint32), ("n_ubatch", c_uint32), ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32), ("n_outputs_max", c_uint32), ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32), ("n_threads_batch", c_int32), ("ctx_type", c_int32),
        ("rope_scaling_type", c_int32), ("pooling_type", c_int32), ("attention_type", c_int32),
        ("flash_attn_type", c_int32), ("rope_and_yarn", c_float * 8), ("cb_eval", EvalCallback),
        ("cb_eval_user_data", c_void_p), ("type_k", c_int32), ("type_v", c_int32),
        ("abort_callback", c_void_p), ("abort_callback_data", c_void_p), ("embeddings", c_bool),
        ("offload_kqv", c_bool), ("no_perf", c_bool), ("rest", c_uint8 * 96)]

    def is_as_expected(self):
        return ((self.n_ctx, self.n_batch, self.n_ubatch, self.n_seq_max) == (512, 2048, 512, 1)
                and self.n_threads == self.n_threads_batch and 1 <= self.n_threads <= 64
                and self.rope_scaling_type == self.pooling_type == self.flash_attn_type == -1
                and (self.type_k, self.type_v) == (1, 1) and not self.cb_eval
                and (self.embeddings, self.offload_kqv, self.no_perf) == (False, True, True))


class ImatrixEntry(ctypes.Structure):
    """struct llama_model_imatrix_data: an entry a tensor; one without a name ends the list."""
    _fields_ = [("name", c_char_p), ("data", POINTER(c_float)), ("size", c_size_t)]


class QuantizeParams(ctypes.Structure):
    """struct llama_model_quantize_params"""
    _fields_ = [
        ("nthread", c_int32), ("ftype", c_int32), ("output_tensor_type", c_int32),
        ("token_embedding_type", c_int32), ("allow_requantize", c_bool),
        ("quantize_output_tensor", c_bool), ("only_copy", c_bool), ("pure", c_bool),
        ("keep_split", c_bool), ("dry_run", c_bool), ("imatrix", POINTER(ImatrixEntry)),
        ("kv_overrides", c_void_p), ("tt_overrides", c_void_p), ("prune_layers", c_void_p),
        ("rest", c_uint8 * 64)]

    def is_as_expected(self):
        return ((self.nthread, self.ftype) == (0, 7)
                and self.output_tensor_type == self.token_embedding_type == N_GGML_TYPES
                and (self.allow_requantize, self.quantize_output_tensor) == (False, True)
                and not (self.only_copy or self.pure or self.keep_split or self.dry_run)
                and not (self.imatrix or self.kv_overrides or self.prune_layers))


class Batch(ctypes.Structure):
    """struct llama_batch"""
    _fields_ = [("n_tokens", c_int32), ("token", POINTER(c_int32)), ("embd", c_void_p),
                ("pos", POINTER(c_int32)), ("n_seq_id", POINTER(c_int32)),
                ("seq_id", POINTER(POINTER(c_int32))), ("logits", POINTER(c_int8))]


class GgufParams(ctypes.Structure):
    """struct gguf_init_params"""
    _fields_ = [("no_alloc", c_bool), ("ctx", c_void_p)]


# name -> (result, arguments)
LLAMA_FUNCTIONS = {
    "llama_backend_init": (None, []),
    "llama_log_set": (None, [LogCallback, c_void_p]),
    "llama_model_default_params": (ModelParams, []),
    "llama_context_default_params": (ContextParams, []),
    "llama_model_quantize_default_params": (QuantizeParams, []),
    "llama_model_quantize": (c_uint32, [c_char_p, c_char_p, POINTER(QuantizeParams)]),
    "llama_model_load_from_file": (c_void_p, [c_char_p, ModelParams]),
    "llama_model_free": (None, [c_void_p]),
    "llama_model_get_vocab": (c_void_p, [c_void_p]),
    "llama_vocab_n_tokens": (c_int32, [c_void_p]),
    "llama_vocab_nl": (c_int32, [c_void_p]),
    "llama_init_from_model": (c_void_p, [c_void_p, ContextParams]),
    "llama_free": (None, [c_void_p]),
    "llama_get_memory": (c_void_p, [c_void_p]),
    "llama_memory_clear": (None, [c_void_p, c_bool]),
    "llama_batch_init": (Batch, [c_int32, c_int32, c_int32]),
    "llama_batch_free": (None, [Batch]),
    "llama_decode": (c_int32, [c_void_p, Batch]),
    "llama_get_logits": (POINTER(c_float), [c_void_p]),
}
BASE_FUNCTIONS = {
    "ggml_get_name": (c_char_p, [c_void_p]),
    "ggml_nelements": (c_int64, [c_void_p]),
    "ggml_is_contiguous": (c_bool, [c_void_p]),
    "ggml_backend_tensor_get": (None, [c_void_p, c_void_p, c_size_t, c_size_t]),
    "ggml_type_name": (c_char_p, [c_int32]),
    "ggml_type_size": (c_size_t, [c_int32]),
    "ggml_blck_size": (c_int64, [c_int32]),
    "gguf_init_from_file": (c_void_p, [c_char_p, GgufParams]),
    "gguf_free": (None, [c_void_p]),
    "gguf_get_n_tensors": (c_int64, [c_void_p]),
    "gguf_get_tensor_name": (c_char_p, [c_void_p, c_int64]),
    "gguf_get_tensor_type": (c_int32, [c_void_p, c_int64]),
    "gguf_get_tensor_size": (c_size_t, [c_void_p, c_int64]),
}


def declare(library, functions):
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def only_file(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise LibraryError(f"{folder} holds {len(found)} files {pattern}, 1 expected")
    return found[0]


class Llama:
    """The library in `folder`; what it logs goes to the file `log`."""

    def __init__(self, folder, log):
        self.base = ctypes.CDLL(str(folder / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
        ggml = ctypes.CDLL(str(only_file(folder, "libggml.*.so")), mode=ctypes.RTLD_GLOBAL)
        self.llama = ctypes.CDLL(str(only_file(folder, "libllama.*.so")))
        declare(self.llama, LLAMA_FUNCTIONS)
        declare(self.base, BASE_FUNCTIONS)
        declare(ggml, {"ggml_backend_load_all_from_path": (None, [c_char_p])})
        self._warnings = []
        self._log = open(log, "w", encoding="utf-8")
        self._on_log = LogCallback(self._write_log)  # the library keeps no reference of its own
        self.llama.llama_log_set(self._on_log, None)
        ggml.ggml_backend_load_all_from_path(os.fsencode(folder))
        self.llama.llama_backend_init()
        if not (self.llama.llama_context_default_params().is_as_expected()
                and self.llama.llama_model_quantize_default_params().is_as_expected()):
            raise LibraryError("its structures are not laid out as in the pinned version")

    def _write_log(self, level, text, _):
        text = text.decode("utf-8", "replace")
        self._log.write(text)
        if LOG_WARNING <= level < LOG_CONTINUED:
            self._warnings.append(text.strip())

    def fail(self, what):
        """Raises what was logged last."""
        self._log.flush()
        reason = self._warnings[-1] if self._warnings else "no reason given"
        raise LibraryError(f"{what}: {reason}")

    def tensors(self, path):
        """name -> (type, elements, bytes) of a GGUF file."""
        base, result = self.base, {}
        file = base.gguf_init_from_file(os.fsencode(path), GgufParams(True, None))
        if not file:
            self.fail(f"cannot read {path}")
        for i in range(base.gguf_get_n_tensors(file)):
            kind, size = base.gguf_get_tensor_type(file, i), base.gguf_get_tensor_size(file, i)
            n = size // base.ggml_type_size(kind) * base.ggml_blck_size(kind)
            name = base.gguf_get_tensor_name(file, i).decode()
            result[name] = (base.ggml_type_name(kind).decode(), n, size)
        base.gguf_free(file)
        return result

    def quantize(self, source, target, kind, imatrix, pure):
        """Writes `source` (F16) as file type `kind`; imatrix: tensor name -> float32 vector.

        The embedding, which also is the output matrix of a tied model, becomes Q8_0. With `pure`
        every other matrix has the one type; without it llama.cpp mixes better ones in.
        """
        params = self.llama.llama_model_quantize_default_params()
        params.nthread, params.ftype, params.pure = 1, FILE_TYPES[kind], pure
        params.output_tensor_type = params.token_embedding_type = GGML_TYPES["Q8_0"]
        entries = (ImatrixEntry * (len(imatrix) + 1))()
        for entry, (name, values) in zip(entries, imatrix.items()):
            entry.name, entry.size = name.encode(), values.size
            entry.data = values.ctypes.data_as(POINTER(c_float))
        params.imatrix = entries
        if self.llama.llama_model_quantize(os.fsencode(source), os.fsencode(target),
                                           byref(params)) != 0:
            self.fail(f"cannot quantise to {kind}")


class Session:
    """A model file with a context of `n_tokens`, from which every window is run anew.

    kv: type of the cache. flash: with the fused attention, which a quantised cache needs.
    rotate: whether a Hadamard matrix spreads keys and values before they are quantised, as
    llama.cpp does by default.
    on_tensor(name) -> bool chooses activations that `observe(name, values)` then gets.
    """

    def __init__(self, library, path, n_tokens, kv="F16", flash=True, rotate=True,
                 on_tensor=None, observe=None):
        self._library, self._n_tokens = library, n_tokens
        llama = library.llama
        self._model = llama.llama_model_load_from_file(os.fsencode(path),
                                                       llama.llama_model_default_params())
        if not self._model:
            library.fail(f"cannot load {path}")
        vocab = llama.llama_model_get_vocab(self._model)
        self.n_vocab = llama.llama_vocab_n_tokens(vocab)
        self.newline = llama.llama_vocab_nl(vocab)
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = n_tokens
        params.n_outputs_max = params.n_outputs_max_per_seq = n_tokens
        params.n_threads = params.n_threads_batch = 1
        params.flash_attn_type = int(flash)
        params.type_k = params.type_v = GGML_TYPES[kv]
        self._callback = EvalCallback(self._on_eval)  # must live as long as the context
        if observe:
            self._on_tensor, self._observe = on_tensor, observe
            params.cb_eval = self._callback
        os.environ["LLAMA_ATTN_ROT_DISABLE"] = "0" if rotate else "1"
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            library.fail(f"cannot create a context for {path}")
        self._batch = llama.llama_batch_init(n_tokens, 0, 1)

    def _on_eval(self, tensor, ask, _):
        base = self._library.base
        name = base.ggml_get_name(tensor).decode()
        if ask:
            return self._on_tensor(name)
        if self._on_tensor(name):
            assert base.ggml_is_contiguous(tensor), name
            values = np.empty(base.ggml_nelements(tensor), np.float32)
            base.ggml_backend_tensor_get(tensor, values.ctypes.data_as(c_void_p), 0, values.nbytes)
            self._observe(name, values)
        return True

    def logits(self, tokens):
        """[len(tokens), n_vocab]: after every token of a window, from an empty cache."""
        llama, batch = self._library.llama, self._batch
        assert len(tokens) <= self._n_tokens
        llama.llama_memory_clear(llama.llama_get_memory(self._context), True)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = int(token), i, 1
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        if llama.llama_decode(self._context, batch) != 0:
            self._library.fail("cannot run a window")
        rows = np.ctypeslib.as_array(llama.llama_get_logits(self._context),
                                     (len(tokens), self.n_vocab))
        return rows.copy()

    def close(self):
        llama = self._library.llama
        llama.llama_batch_free(self._batch)
        llama.llama_free(self._context)
        llama.llama_model_free(self._model)

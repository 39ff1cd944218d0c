"""Build the tiny model whose answers the model servers stream.

A Llama of two layers, too small to know anything, is trained until it answers
the prompts of ``conversations.yaml`` word for word. So real servers can be
recorded without a download: the tokenizers, detokenizers, tool and reasoning
parsers and HTTP stacks are their own; only the words are ours.

Run it with the Python that has torch, transformers, tokenizers and gguf::

    python build_model.py --out DIR

It writes a Hugging Face folder with ``model.gguf`` in it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch
from conversations import Conversation, load_conversations
from export_gguf import export_gguf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

__all__ = ["build_model", "build_tokenizer", "main"]

HERE = Path(__file__).parent

SEED = 20
THREADS = 2
CONTEXT = 4096
"""Positions the model declares; it is trained on the first 1024."""

TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
"""Tokens without text."""

MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
"""Tokens that the servers' parsers search for in the text."""

MIN_FREQUENCY = 4
"""Occurrences of a pair of tokens that make the tokenizer join them.

Answers that it may learn are repeated this many times, so words become tokens
as in a large vocabulary; other text is not repeated.
"""

WINDOW = 1024
BATCH = 4
MAX_STEPS = 320
MAX_PREFIX = 400
"""Random tokens before the first prompt: the answer must not depend on the
position of the prompt, or the long prompt that explains tools would spoil it."""

WANTED_PROBABILITY = 0.95
"""Training ends when every token of every answer is at least this likely."""

Example = tuple[list[int], list[int]]


def build_tokenizer(
    conversations: list[Conversation], template: str
) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE on the conversations."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = [template]
    for conversation in conversations:
        words += [str(message["content"]) for message in conversation.messages]
        words += [json.dumps(tool) for tool in conversation.tools]
        words += conversation.answers * (
            MIN_FREQUENCY if conversation.learn_words else 0
        )
    tokenizer.train_from_iterator(
        words,
        trainers.BpeTrainer(
            vocab_size=1000,
            min_frequency=MIN_FREQUENCY,
            special_tokens=TOKENS,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.add_tokens(MARKS)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=template,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )


def encode(
    tokenizer: PreTrainedTokenizerFast,
    conversation: Conversation,
    answer: str,
    *,
    with_tools: bool = True,
) -> Example:
    """Return the tokens of the prompt and of the answer."""
    prompt = tokenizer.apply_chat_template(
        conversation.messages,
        tools=(conversation.tools or None) if with_tools else None,
        add_generation_prompt=True,
        tokenize=False,
    )
    return (
        tokenizer.encode(prompt, add_special_tokens=False),
        tokenizer.encode(answer + "<|im_end|>", add_special_tokens=False),
    )


def draw_window(
    tokenizer: PreTrainedTokenizerFast,
    conversations: list[Conversation],
    chance: random.Random,
) -> tuple[list[int], list[int]]:
    """Return a window of random tokens and conversations, and its labels.

    Only answers carry a label; the loss ignores -100.
    """
    first_word = len(TOKENS)
    tokens = [
        chance.randrange(first_word, len(tokenizer))
        for _ in range(chance.randrange(MAX_PREFIX) if chance.random() < 0.7 else 0)
    ]
    labels = [-100] * len(tokens)
    newline = tokenizer.encode("\n", add_special_tokens=False)
    for conversation in chance.sample(conversations, len(conversations)):
        prompt, answer = encode(
            tokenizer,
            conversation,
            chance.choice(conversation.answers),
            with_tools=chance.random() < 0.4,
        )
        tokens += prompt + answer + newline
        labels += [-100] * len(prompt) + answer + [-100]
        if len(tokens) >= WINDOW:
            break
    missing = WINDOW - len(tokens)
    return (
        tokens[:WINDOW] + [0] * missing,
        labels[:WINDOW] + [-100] * missing,
    )


@torch.no_grad()
def least_probability(model: LlamaForCausalLM, examples: list[Example]) -> float:
    """Return the probability of the least likely token of all answers."""
    least = 1.0
    for prompt, answer in examples:
        logits = model(torch.tensor([prompt + answer])).logits[0]
        wanted = torch.tensor(answer)
        chances = logits[len(prompt) - 1 : -1].softmax(-1)
        least = min(least, float(chances.gather(1, wanted[:, None]).min()))
    return least


def build_model(
    tokenizer: PreTrainedTokenizerFast, conversations: list[Conversation]
) -> LlamaForCausalLM:
    """Train the model until it knows every answer by heart."""
    torch.manual_seed(SEED)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)
    chance = random.Random(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            initializer_range=0.06,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    examples = [
        encode(tokenizer, conversation, conversation.answers[0])
        for conversation in conversations
        if len(conversation.answers) == 1
    ]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=4e-3, betas=(0.9, 0.95), weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-3, total_steps=MAX_STEPS, pct_start=0.05
    )
    started = time.monotonic()
    for step in range(1, MAX_STEPS + 1):
        windows = [draw_window(tokenizer, conversations, chance) for _ in range(BATCH)]
        tokens, labels = (torch.tensor(part) for part in zip(*windows, strict=True))
        loss = model(tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 25 == 0:
            least = least_probability(model, examples)
            print(
                f"step {step} loss {loss.item():.4f} least {least:.3f}"
                f" after {time.monotonic() - started:.0f} s",
                flush=True,
            )
            if least >= WANTED_PROBABILITY:
                return model
    raise SystemExit("the model did not learn its answers")


def main(arguments: list[str]) -> None:
    """Build the model into the folder named by ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    conversations = list(load_conversations().values())
    template = (HERE / "chat_template.jinja").read_text("utf-8")
    tokenizer = build_tokenizer(conversations, template)
    for conversation in conversations:
        prompt, answer = encode(tokenizer, conversation, conversation.answers[0])
        print(f"{conversation.name}: {len(prompt)} + {len(answer)} tokens")
    model = build_model(tokenizer, conversations).eval()
    model.generation_config.do_sample = False
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    export_gguf(model, tokenizer, out / "model.gguf")
    print(f"{len(tokenizer)} tokens; saved to {out}")


if __name__ == "__main__":
    main(sys.argv[1:])

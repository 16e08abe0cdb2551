"""A CSV of one's own to a fine-tuned classifier with transformers 5.24: TRAIN.csv TEST.csv MODEL OUTPUT."""

import sys

import numpy as np
from datasets import load_dataset
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

train, test, model, output = sys.argv[1:]
data = load_dataset("csv", data_files={"train": train, "test": test}).class_encode_column("topic")
names = data["train"].features["topic"].names
tokenizer = AutoTokenizer.from_pretrained(model)
data = data.map(lambda rows: tokenizer(rows["message"], truncation=True, max_length=512), batched=True)
data = data.rename_column("topic", "label")
model = AutoModelForSequenceClassification.from_pretrained(
    model,
    num_labels=len(names),
    id2label=dict(enumerate(names)),
    label2id={name: at for at, name in enumerate(names)},
)


def metrics(predicted):
    classes = np.argmax(predicted.predictions, axis=1)
    return {
        "accuracy": accuracy_score(predicted.label_ids, classes),
        "macro_f1": f1_score(predicted.label_ids, classes, average="macro"),
    }


trainer = Trainer(
    model=model,
    args=TrainingArguments(output, num_train_epochs=3, learning_rate=1e-4, per_device_train_batch_size=8, report_to="none"),
    train_dataset=data["train"],
    eval_dataset=data["test"],
    processing_class=tokenizer,
    data_collator=DataCollatorWithPadding(tokenizer),
    compute_metrics=metrics,
)
trainer.train()
print(trainer.evaluate())
trainer.save_model(output)

"""A classifier of transformers behind LitServe, which batches the texts that wait together.

    pip install torch==2.9.0 transformers==5.23.0 litserve==0.2.19
    python transformers_server.py MODEL_DIR PORT
"""

import sys

import litserve
import torch
import transformers

MODEL, PORT = sys.argv[1], int(sys.argv[2])


class Classify(litserve.LitAPI):
    def setup(self, device):
        torch.set_num_threads(2)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(MODEL).eval()

    def decode_request(self, request):
        return request["inputs"]

    def predict(self, texts):
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        with torch.inference_mode():
            return self.model(**batch).logits.softmax(-1).tolist()

    def encode_response(self, scores):
        return {"scores": scores}


if __name__ == "__main__":
    api = Classify(max_batch_size=32, batch_timeout=0.002)
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1).run(port=PORT, generate_client_file=False)

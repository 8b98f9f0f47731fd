// A lane's part of storing values: of each dimension of its beat it keeps the code that shares a
// byte with the new one, and puts both together.
module kv_store_lane (
  input  logic         clk_i,
  // The old beat, segment by segment; position_i is the slot's in the chunk.
  input  logic [511:0] word_i,
  input  logic [4:0]   position_i,
  input  logic [3:0]   keep_i,       // [dimension]: its byte is there
  // A new code.
  input  logic [3:0]   code_i,
  input  logic [1:0]   dimension_i,
  input  logic         is_high_i,    // nibble
  output logic [7:0]   byte_o
);
  logic [15:0] kept_q;  // [dimension]
  logic [3:0]  kept;
  for (genvar d = 0; d < 4; d++) begin : gen_dimension
    logic [127:0] bytes;
    assign bytes = word_i[128*d +: 128];
    always_ff @(posedge clk_i) begin
      if (keep_i[d]) kept_q[4*d +: 4] <= bytes[{position_i[3:0], !position_i[4], 2'b00} +: 4];
    end
  end
  assign kept   = kept_q[{dimension_i, 2'b00} +: 4];
  assign byte_o = is_high_i ? {code_i, kept} : {kept, code_i};
endmodule

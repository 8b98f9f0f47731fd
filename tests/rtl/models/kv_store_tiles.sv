// kv_store with the old codes that it needs and the tile_writer that its words go to.
module kv_store_tiles #(
  parameter int unsigned Lanes = 2,
  localparam int unsigned SlotW = kv_pkg::SlotW
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 split_i,
  input  logic                 start_i,
  output logic                 idle_o,
  input  logic                 is_value_i,
  input  logic [SlotW-1:0]     slot_i,
  input  logic [12:0]          n_heads_i,
  input  logic [31:0]          keys_i,
  input  logic [31:0]          values_i,
  input  logic [31:0]          head_key_stripes_i,
  input  logic [SlotW-1:0]     n_chunks_i,
  input  logic                 group_valid_i,
  output logic                 group_ready_o,
  input  logic [127:0]         codes_i,
  input  logic [7:0]           group_i,
  input  logic [15:0]          scale_i,
  input  logic                 last_i,
  output logic                 room_o,
  input  logic                 beat_i,
  input  logic [512*Lanes-1:0] word_i,
  output logic [Lanes-1:0]     valid_o,
  input  logic [Lanes-1:0]     ready_i,
  output logic [31:0]          stripe_o,
  output logic                 is_upper_o,
  output logic [256*Lanes-1:0] tile_o,
  output logic [31:0]          strobe_o
);
  logic                word_valid, last, is_upper, taken, old_valid, old_ready, unused_done;
  logic [16*Lanes-1:0] old;
  logic [32*Lanes-1:0] word;
  logic [31:0]         stripe, strobe;
  logic [Lanes-1:0]    lanes;
  kv_store #(.Lanes(Lanes)) u_store (
    .clk_i, .rst_ni, .split_i, .start_i, .idle_o, .is_value_i, .slot_i, .n_heads_i, .keys_i,
    .values_i, .head_key_stripes_i, .n_chunks_i, .group_valid_i, .group_ready_o, .codes_i,
    .group_i, .scale_i, .last_i, .old_valid_i(old_valid), .old_ready_o(old_ready), .old_i(old),
    .word_valid_o(word_valid),
    .last_o(last), .word_o(word), .stripe_o(stripe), .is_upper_o(is_upper), .lanes_o(lanes),
    .strobe_o(strobe), .taken_i(taken)
  );
  // A token at a time.
  logic [SlotW-1:0] slot_q;
  always_ff @(posedge clk_i) if (start_i) slot_q <= slot_i;
  old_codes #(.Lanes(Lanes), .Slots(1), .Depth(16)) u_old (
    .clk_i, .rst_ni, .split_i, .start_i(start_i && is_value_i), .done_o(unused_done),
    .n_tokens_i(5'd1), .heads_i(n_heads_i), .sets_i(5'((split_i ? 16 : 32) / Lanes)),
    .slots_i(slot_q), .room_o, .beat_i, .word_i, .valid_o(old_valid), .ready_i(old_ready),
    .codes_o(old)
  );
  tile_writer #(.Lanes(Lanes)) u_tiles (
    .clk_i, .rst_ni, .word_valid_i(word_valid), .last_i(last), .word_i(word), .stripe_i(stripe),
    .is_upper_i(is_upper), .lanes_i(lanes), .strobe_i(strobe), .taken_o(taken), .valid_o,
    .ready_i, .stripe_o, .is_upper_o, .tile_o, .strobe_o
  );
endmodule

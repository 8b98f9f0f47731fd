// Puts a token's keys or values into the cache (CacheLayout of src/accel/program/layout.h): from
// KV4 groups, head by head, to half beats. For heads of 128 dimensions, and of 64 if split_i, whose
// D / 4 beats of values of a chunk are no fewer than the lanes.
//
// A code of a value is half a byte; old_codes has the other half, for each set of a head in turn.
module kv_store #(
  parameter int unsigned Lanes = 2,  // a power of two, 2 to 32
  localparam int unsigned SlotW  = kv_pkg::SlotW,
  localparam int unsigned HeadsW = 13
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 split_i,
  // A run.
  input  logic                 start_i,             // only if idle_o
  output logic                 idle_o,              // all has been taken
  input  logic                 is_value_i,
  input  logic [SlotW-1:0]     slot_i,
  input  logic [HeadsW-1:0]    n_heads_i,
  input  logic [31:0]          keys_i,              // first stripes of the layer
  input  logic [31:0]          values_i,
  // Of the geometry.
  input  logic [31:0]          head_key_stripes_i,
  input  logic [SlotW-1:0]     n_chunks_i,
  // Groups of 32 dimensions. Those of the next head are taken when there is room, run or not.
  input  logic                 group_valid_i,
  output logic                 group_ready_o,
  input  logic [127:0]         codes_i,
  input  logic [7:0]           group_i,             // multiplier, zero point << 4
  input  logic [15:0]          scale_i,
  input  logic                 last_i,              // of the head
  // Codes that share bytes with those of a set of values.
  input  logic                 old_valid_i,
  output logic                 old_ready_o,
  input  logic [16*Lanes-1:0]  old_i,               // [lane][dimension]
  // To tile_writer.
  output logic                 word_valid_o,
  output logic                 last_o,
  output logic [32*Lanes-1:0]  word_o,              // [lane]
  output logic [31:0]          stripe_o,
  output logic                 is_upper_o,
  output logic [Lanes-1:0]     lanes_o,
  output logic [31:0]          strobe_o,
  input  logic                 taken_i
);
  localparam int unsigned Groups = 4;   // of a head
  localparam int unsigned CodesW = 512;
  localparam int unsigned LaneW  = $clog2(Lanes);
  localparam int unsigned SetW   = 4;
  if (Lanes < 2 || Lanes > 32 || 2 ** LaneW != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two, 2 to 32");
  end

  // A head's groups. Codes stay until their last word has left; then parameters move on to wait for
  // their part of the record, and the next head may come.
  logic                full_q, take, free;
  logic [1:0]          n_groups_q;
  logic [CodesW-1:0]   codes_q;
  logic [8*Groups-1:0] groups_q, record_groups_q;
  logic [15:0]         scale_q, record_scale_q;
  assign group_ready_o = !full_q;
  assign take          = group_valid_i && group_ready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full_q     <= 1'b0;
      n_groups_q <= '0;
    end else begin
      if (free) full_q <= 1'b0;
      else if (take) full_q <= last_i;
      if (take) n_groups_q <= last_i ? '0 : n_groups_q + 1'b1;
    end
    if (take) scale_q <= scale_i;
    if (free) begin
      record_groups_q <= groups_q;
      record_scale_q  <= scale_q;
    end
  end
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    always_ff @(posedge clk_i) begin
      if (take && n_groups_q == 2'(g)) begin
        codes_q[128*g +: 128] <= codes_i;
        groups_q[8*g +: 8]    <= group_i;
      end
    end
  end

  // Halves.
  logic            next, is_codes, is_value_codes, ends_codes, is_high;
  logic [SetW-1:0] set;
  kv_store_walk #(.Lanes(Lanes)) u_walk (
    .clk_i, .rst_ni, .split_i, .start_i, .idle_o, .is_value_i, .slot_i, .n_heads_i, .keys_i,
    .values_i, .head_key_stripes_i, .n_chunks_i, .head_i(full_q), .old_valid_i,
    .old_ready_o, .next_o(next), .is_codes_o(is_codes),
    .is_value_codes_o(is_value_codes), .ends_codes_o(ends_codes), .set_o(set),
    .is_high_o(is_high), .stripe_o, .is_upper_o, .lanes_o, .strobe_o, .taken_i
  );
  logic [2:0] word_q;
  assign last_o = word_q == '1;
  assign free   = word_valid_o && last_o && ends_codes;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_valid_o <= 1'b0;
      word_q       <= '0;
    end else begin
      word_valid_o <= next || (word_valid_o && !last_o);
      if (word_valid_o) word_q <= word_q + 1'b1;
    end
  end

  logic [16*Lanes-1:0] kept_q;
  always_ff @(posedge clk_i) begin
    if (old_ready_o) kept_q <= old_i;
  end

  // Words that are the same for all lanes: of a key's codes, or of the record, whose bytes are
  // chosen by the strobes.
  logic                upper_groups;
  logic [32*16-1:0]    key_words;
  logic [15:0]         half_groups;
  logic [31:0]         key_word, record_word, shared_word;
  assign upper_groups = is_upper_o && !split_i;
  for (genvar w = 0; w < 16; w++) begin : gen_word
    for (genvar i = 0; i < 4; i++) begin : gen_byte
      localparam int unsigned Low = 16 * (w / 2) + 4 * (w % 2) + i;
      assign key_words[32*w+8*i +: 8] = {codes_q[4*(Low+8) +: 4], codes_q[4*Low +: 4]};
    end
  end
  assign key_word    = key_words[{upper_groups, word_q, 5'd0} +: 32];
  assign half_groups = record_groups_q[{upper_groups, 4'd0} +: 16];
  assign record_word = word_q[1] ? {2{record_scale_q}} : {4{half_groups[{word_q[2], 3'd0} +: 8]}};
  assign shared_word = is_codes ? key_word : record_word;

  // And those of values: the byte of the lane's dimension.
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [1:0]  dimension;
    logic [3:0]  code, kept;
    logic [6:0]  number;  // of a code
    logic [7:0]  merged;
    assign dimension = {is_upper_o, word_q[2]};
    assign number    = 7'({set, LaneW'(l), dimension});
    assign code      = codes_q[{number, 2'b00} +: 4];
    assign kept      = kept_q[16*l+4*dimension +: 4];
    assign merged    = is_high ? {code, kept} : {kept, code};
    assign word_o[32*l +: 32] = is_value_codes ? {4{merged}} : shared_word;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && take) begin
      assert (last_i == (n_groups_q == (split_i ? 2'd1 : 2'd3))) else $error("groups of a head");
    end
  end
`endif
endmodule

// The half beats that a token's heads write, one after another, and where each goes: of a head its
// codes, then its bytes of the record.
//
// A half begins when the one before has been taken and what it needs is there. What is said of it
// stays until it is taken.
module kv_store_walk #(
  parameter int unsigned Lanes = 2,
  localparam int unsigned SlotW  = kv_pkg::SlotW,
  localparam int unsigned HeadsW = 13,
  localparam int unsigned SetW   = 4
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              split_i,             // two slots a beat of keys
  // A run: all heads of a token.
  input  logic              start_i,             // only if idle_o
  output logic              idle_o,
  input  logic              is_value_i,
  input  logic [SlotW-1:0]  slot_i,
  input  logic [HeadsW-1:0] n_heads_i,
  input  logic [31:0]       keys_i,
  input  logic [31:0]       values_i,
  input  logic [31:0]       head_key_stripes_i,
  input  logic [SlotW-1:0]  n_chunks_i,
  // Codes of a head are there.
  input  logic              head_i,
  // Old codes of the next set are there, are taken.
  input  logic              old_valid_i,
  output logic              old_ready_o,
  // A half: next_o is the cycle before its first word.
  output logic              next_o,
  output logic              is_codes_o,
  output logic              is_value_codes_o,
  output logic              ends_codes_o,        // of the head
  output logic [SetW-1:0]   set_o,
  output logic              is_high_o,           // nibble of values
  output logic [31:0]       stripe_o,
  output logic              is_upper_o,
  output logic [Lanes-1:0]  lanes_o,
  output logic [31:0]       strobe_o,
  input  logic              taken_i
);
  localparam int unsigned LaneW = $clog2(Lanes);
  // Of a row: its place in a chunk of heads of 128, and among those that share a beat of records.
  localparam int unsigned RowW = LaneW < 3 ? 5 - LaneW : 2;
  localparam logic [SetW-1:0] LastSet      = SetW'(32 / Lanes - 1);
  localparam logic [SetW-1:0] LastSplitSet = SetW'(Lanes < 32 ? 16 / Lanes - 1 : 0);

  // The run, and its next half.
  logic              left_q, busy_q, is_value_q, is_second_q, is_codes_q, half_q;
  logic [HeadsW-1:0] heads_q;
  logic [SetW-1:0]   set_q;
  logic [RowW-1:0]   row_q;
  logic [LaneW-1:0]  lane_q;              // of the key
  logic [31:0]       record_q, value_q;   // stripes
  logic [1:0]        quarter;             // of the record
  assign quarter = row_q[1:0];
  assign idle_o  = !left_q && !busy_q;

  logic is_value_codes, ends_part, ends_set, ends_codes, ends_head, is_last_head;
  assign is_value_codes = is_codes_q && is_value_q;
  assign ends_part      = half_q || (split_i && !is_value_codes);
  assign ends_set       = is_value_codes && half_q;
  assign ends_codes     = is_codes_q && ends_part
                          && (!is_value_q || set_q == (split_i ? LastSplitSet : LastSet));
  assign ends_head      = !is_codes_q && ends_part;
  assign is_last_head   = heads_q == HeadsW'(1);

  logic is_ready;
  assign is_ready = !is_codes_q || (head_i && (!is_value_q || half_q || old_valid_i));
  assign old_ready_o = next_o && is_value_codes && !half_q;
  assign next_o   = left_q && (!busy_q || taken_i) && is_ready;

  logic [SlotW-1:0] beat, row;  // of a key
  assign beat = split_i ? {1'b0, slot_i[SlotW-1:1]} : slot_i;
  assign row  = beat >> LaneW;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= 1'b0;
      busy_q <= 1'b0;
    end else begin
      if (start_i) left_q <= 1'b1;
      else if (next_o && ends_head && is_last_head) left_q <= 1'b0;
      if (next_o) busy_q <= 1'b1;
      else if (taken_i) busy_q <= 1'b0;
    end
    if (start_i) begin
      is_value_q  <= is_value_i;
      is_second_q <= split_i && slot_i[0];
      is_codes_q  <= 1'b1;
      half_q      <= split_i && slot_i[0] && !is_value_i;
      heads_q     <= n_heads_i;
      set_q       <= '0;
      row_q       <= row[RowW-1:0];
      lane_q      <= beat[LaneW-1:0];
      record_q    <= keys_i + 32'({row[SlotW-1:2], 2'b00}) + 32'(row[SlotW-1:2]);
      value_q     <= values_i + 32'(slot_i[SlotW-1:5]);
    end else if (next_o) begin
      // The first half of what comes next is the second one only where that is the slot's.
      half_q <= !ends_part || (is_second_q && (ends_codes || !is_value_q));
      if (ends_codes || ends_head) is_codes_q <= !is_codes_q;
      if (ends_set) begin
        set_q   <= ends_codes ? '0 : set_q + 1'b1;
        value_q <= value_q + 32'(n_chunks_i);
      end
      if (ends_head) begin
        heads_q  <= heads_q - 1'b1;
        lane_q   <= lane_q + 1'b1;
        record_q <= record_q + head_key_stripes_i;
      end
    end
  end

  // Where a slot stands in its chunk, if its key is in this lane.
  function automatic logic [4:0] position_of(logic [RowW-1:0] in_row, logic [LaneW-1:0] lane,
                                             logic split, logic is_second);
    logic [4:0] turned;
    turned      = 5'({in_row, lane});
    position_of = split ? {turned[3:0], is_second} : turned[4:0];
  endfunction
  logic [4:0] position;
  assign position = position_of(row_q, lane_q, split_i, is_second_q);

  // Bytes that are written: even segments of a record have groups, odd ones a scale.
  logic [31:0] strobe;
  for (genvar b = 0; b < 32; b++) begin : gen_byte
    localparam int unsigned Segment = b / 8;
    logic of_record;
    if (Segment % 2 == 0) begin : gen_group
      assign of_record = {quarter, is_value_q} == 3'(b);
    end else begin : gen_scale
      assign of_record = quarter == 2'(b / 2) && is_value_q == (Segment == 3)
                         && (split_i || !half_q);
    end
    assign strobe[b] = !is_codes_q ? of_record : !is_value_q || position[3:0] == 4'(b);
  end

  logic [31:0] key_stripe;
  assign key_stripe = record_q + (is_codes_q ? 32'(quarter) + 1'b1 : '0);
  always_ff @(posedge clk_i) begin
    if (next_o) begin
      is_codes_o       <= is_codes_q;
      is_value_codes_o <= is_value_codes;
      ends_codes_o     <= ends_codes;
      set_o            <= set_q;
      is_high_o        <= position[4];
      stripe_o         <= is_value_codes ? value_q : key_stripe;
      is_upper_o       <= half_q;
      lanes_o          <= is_value_codes ? '1 : Lanes'(1) << lane_q;
      strobe_o         <= strobe;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!start_i || idle_o) else $error("a run before the last one has ended");
      assert (!start_i || n_heads_i != '0) else $error("a run of no heads");
      assert (!start_i || !split_i || Lanes < 32) else $error("more lanes than beats");
      assert (!taken_i || busy_q) else $error("nothing was offered");
    end
  end
`endif
endmodule

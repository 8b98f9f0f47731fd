// Takes complete sets of sums out of all lanes, a row of a token a cycle: tokens in order, of each
// the 8 rows. With halves_i, the second half of the tokens is in the upper half of the set. valid_o
// comes with the lanes' sum_o and stays until ready_i.
module rce_drain #(
  parameter int unsigned Slots = 4,
  localparam int unsigned SlotW = $clog2(Slots)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  // A set is complete: at most one while another one is on its way out.
  input  logic             done_i,
  input  logic             set_i,
  input  logic [SlotW-1:0] last_token_i,
  input  logic             halves_i,
  // To the lanes.
  output logic             read_set_o,
  output logic             read_upper_o,
  output logic [2:0]       read_row_o,
  output logic [SlotW-1:0] read_slot_o,
  // With what comes from there.
  output logic             valid_o,
  input  logic             ready_i,
  output logic [SlotW-1:0] token_o,
  output logic [2:0]       row_o,
  output logic             drained_o  // the set is free again, as its last sum is taken
);
  // The set that leaves and the one that waits.
  logic [1:0] pending_q, pending_d;
  logic [1:0] set_q;
  logic [1:0] halves_q;
  logic [2*SlotW-1:0] last_q;
  logic [1:0] keeps;
  assign keeps = pending_q - 2'(drained_o);
  assign pending_d = keeps + 2'(done_i);

  logic is_last, moves;
  assign is_last = row_o == 3'd7 && token_o == last_q[SlotW-1:0];
  assign moves = valid_o && ready_i;
  assign drained_o = moves && is_last;

  // Reads the sum that is on the output again until it is taken.
  logic [SlotW+2:0] place, place_q;  // token, row
  always_comb begin
    place = place_q;
    if (moves) place = is_last ? '0 : place_q + 1'b1;
  end
  assign {token_o, row_o} = place_q;
  logic [SlotW-1:0] token;
  assign {token, read_row_o} = place;
  assign read_upper_o = halves_q[drained_o] && token[SlotW-1];
  always_comb begin
    read_slot_o = token;
    if (halves_q[drained_o]) read_slot_o[SlotW-1] = 1'b0;
  end
  assign read_set_o = set_q[drained_o];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pending_q <= '0;
      place_q <= '0;
      valid_o <= 1'b0;
    end else begin
      pending_q <= pending_d;
      place_q <= place;
      valid_o <= keeps != '0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (drained_o) begin
      set_q[0] <= set_q[1];
      halves_q[0] <= halves_q[1];
      last_q[0 +: SlotW] <= last_q[SlotW +: SlotW];
    end
    if (done_i && keeps[0]) begin
      set_q[1] <= set_i;
      halves_q[1] <= halves_i;
      last_q[SlotW +: SlotW] <= last_token_i;
    end else if (done_i) begin
      set_q[0] <= set_i;
      halves_q[0] <= halves_i;
      last_q[0 +: SlotW] <= last_token_i;
    end
  end
endmodule

// Whether a query sees the token of a slot.
module slot_visible #(
  localparam int unsigned SlotW = kv_pkg::SlotW
) (
  input  logic             clk_i,
  input  logic [SlotW-1:0] slot_i,
  input  logic [SlotW-1:0] sink_slots_i,
  input  logic [SlotW-1:0] ring_slots_i,
  input  logic [SlotW-1:0] end_slot_i,   // the sum of both
  input  kv_pkg::window_t  window_i,
  output logic             is_sink_o,    // a cycle later: a slot for sinks
  output logic             visible_o     // three cycles later
);
  logic [SlotW:0]   distance_q;
  logic [SlotW-1:0] ahead_q, count_q, count2_q;
  logic             is_seen_sink_q, is_ring_q, is_seen_sink2_q, is_ring2_q;
  always_ff @(posedge clk_i) begin
    is_sink_o      <= slot_i < sink_slots_i;
    is_seen_sink_q <= slot_i < window_i.sinks;
    is_ring_q      <= slot_i >= sink_slots_i && slot_i < end_slot_i;
    distance_q     <= {1'b0, slot_i} - {1'b0, window_i.first_slot};
    count_q        <= window_i.count;

    // Slots before the first one come after the ring's end.
    ahead_q         <= distance_q[SlotW-1:0] + (distance_q[SlotW] ? ring_slots_i : '0);
    count2_q        <= count_q;
    is_seen_sink2_q <= is_seen_sink_q;
    is_ring2_q      <= is_ring_q;

    visible_o <= is_ring2_q ? ahead_q < count2_q : is_seen_sink2_q;
  end
endmodule

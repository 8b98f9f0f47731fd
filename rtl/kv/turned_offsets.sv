// How far each lane's slots are from those of the first lane: heads are turned against each other.
// What a beat of keys says holds for its scores, which come StepStage later.
module turned_offsets #(
  parameter int unsigned Lanes = 4,
  localparam int unsigned LaneW = $clog2(Lanes),
  localparam int unsigned SlotW = kv_pkg::SlotW
) (
  input  logic                   clk_i,
  input  logic                   split_i,
  input  logic                   beat_i,
  input  logic [LaneW-1:0]       head_i,    // with the beat
  output logic [SlotW*Lanes-1:0] offset_o   // [lane]
);
  logic [LaneW-1:0] turn, turn_q, step_turn;
  assign turn = beat_i ? head_i : turn_q;
  always_ff @(posedge clk_i) turn_q <= turn;
  delay_line #(.Width(LaneW), .Stages(kv_pkg::StepStage)) u_turn (
    .clk_i, .clear_i(1'b0), .data_i(turn), .data_o(step_turn)
  );
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [LaneW-1:0] behind;
    assign behind = LaneW'(l) - step_turn;
    assign offset_o[SlotW*l +: SlotW] = SlotW'(behind) << split_i;
  end
endmodule

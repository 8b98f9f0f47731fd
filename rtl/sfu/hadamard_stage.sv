// A stage of the transform whose pairs lie Distance beats apart. Four adders are enough: sums come
// while the second half of the pairs does, differences as many cycles later, while the next first
// half does, or nothing.
//
// A vector's beats come without gaps, and are a multiple of 2 * Distance.
module hadamard_stage #(
  parameter int unsigned Distance = 1  // a power of two
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         valid_i,
  input  logic [127:0] beat_i,
  output logic         valid_o,  // Distance + AddLatency later
  output logic [127:0] beat_o
);
  localparam int unsigned CountW = $clog2(Distance) + 1;

  // Beats since the last pairs were complete.
  logic [CountW-1:0] count_q;
  logic              is_sum, is_difference;
  assign is_sum = valid_i && count_q[CountW-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else if (valid_i) count_q <= count_q + 1'b1;
  end
  delay_line #(.Width(1), .Stages(Distance)) u_difference (
    .clk_i, .clear_i(!rst_ni), .data_i(is_sum), .data_o(is_difference)
  );

  // Beats of Distance and of twice as many cycles ago.
  logic [127:0] past, far_past;
  if (Distance == 1) begin : gen_registers
    always_ff @(posedge clk_i) {far_past, past} <= {past, beat_i};
  end else if (Distance == 2) begin : gen_more_registers
    delay_line #(.Width(128), .Stages(Distance)) u_past (
      .clk_i, .clear_i(1'b0), .data_i(beat_i), .data_o(past)
    );
    delay_line #(.Width(128), .Stages(Distance)) u_far_past (
      .clk_i, .clear_i(1'b0), .data_i(past), .data_o(far_past)
    );
  end else begin : gen_rings
    delay_ring #(.Width(128), .Delay(Distance), .Style("block")) u_past (
      .clk_i, .en_i(1'b1), .data_i(beat_i), .data_o(past)
    );
    delay_ring #(.Width(128), .Delay(Distance), .Style("block")) u_far_past (
      .clk_i, .en_i(1'b1), .data_i(past), .data_o(far_past)
    );
  end

  for (genvar i = 0; i < 4; i++) begin : gen_dimension
    logic [31:0] first, second;
    assign first  = is_difference ? far_past[32*i +: 32] : past[32*i +: 32];
    assign second = is_difference ? past[32*i +: 32] ^ 32'h8000_0000 : beat_i[32*i +: 32];
    fp_add u_add (
      .clk_i, .en_i(1'b1), .a_i(first), .b_i(second), .sum_o(beat_o[32*i +: 32])
    );
  end
  delay_line #(.Width(1), .Stages(fp_pkg::AddLatency)) u_valid (
    .clk_i, .clear_i(!rst_ni), .data_i(is_sum || is_difference), .data_o(valid_o)
  );
endmodule

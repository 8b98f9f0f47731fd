// The last segment's sums become results: where values have two digits, those of the second half of
// the slots count three times and go to the first half.
module rce_combine #(
  parameter int unsigned Slots = 4,
  localparam int unsigned DspW = rce_pkg::DspW
) (
  input  logic                      clk_i,
  input  logic                      two_digits_i,
  input  logic [Slots*DspW-1:0]     sum_i,    // [slot]
  output logic [Slots/2*DspW-1:0]   result_o  // [slot], of the first half, CombineStages later
);
  for (genvar t = 0; t < Slots / 2; t++) begin : gen_slot
    dsp_add_triple u_add (
      .clk_i, .ab_i(sum_i[DspW*t +: DspW]), .c_i(sum_i[DspW*(t+Slots/2) +: DspW]),
      .triple_i(two_digits_i), .p_o(result_o[DspW*t +: DspW])
    );
  end
endmodule

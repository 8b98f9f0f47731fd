// Shifts to the right, and tells whether a one was lost. Combinational.
module fp_shift_right #(
  parameter int unsigned InW = 26,
  parameter int unsigned OutW = InW,  // lowest bits of the result
  parameter int unsigned AmountW = 5
) (
  input  logic [InW-1:0]     value_i,
  input  logic [AmountW-1:0] amount_i,
  output logic [OutW-1:0]    shifted_o,
  output logic               is_inexact_o
);
  logic [InW-1:0] value;
  always_comb begin
    value        = value_i;
    is_inexact_o = 1'b0;
    for (int i = AmountW - 1; i >= 0; i--) begin
      if (amount_i[i]) begin
        is_inexact_o = is_inexact_o || (value << (InW > 2**i ? InW - 2**i : 0)) != '0;
        value        = value >> 2**i;
      end
    end
  end
  assign shifted_o = value[OutW-1:0];
endmodule

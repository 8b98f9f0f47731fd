// The float of exp2_neg_q30's power, from what the power is a shift of.
//
// The power is man * 2^14 >> places. Its first one is man's, and man has fewer bits than a float
// keeps: no zeros to count, no second shift, no rounding. Bits that the shift drops become 0.
// A man of 2^16 has a fraction of 0 and an exponent of one more.
module exp2_float #(
  parameter int unsigned OneExponent = 157  // of the result for 2^30, the power of 0
) (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [16:0] man_i,     // 2^15 + 1..2^16, a cycle before the power
  input  logic [5:0]  places_i,
  output logic [31:0] result_o   // as late as if int_to_fp had made it
);
  localparam int unsigned WaitStages = fp_pkg::FromIntLatency - 1;
  localparam int unsigned FractionW = 15;
  if (OneExponent < 32 || OneExponent > 254) begin : gen_check_exponent
    $error("OneExponent must leave room for the smallest power");
  end

  logic [FractionW-1:0] kept, fraction_q;
  logic [7:0]           exponent_q;
  logic                 is_zero_q, unused_first;
  logic [22:0]          wait_q [WaitStages+1];
  for (genvar i = 0; i < FractionW; i++) begin : gen_kept
    assign kept[i] = places_i[4:0] <= 5'(i + 14);
  end
  assign unused_first = man_i[15];
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      fraction_q <= man_i[FractionW-1:0] & kept;
      exponent_q <= 8'(OneExponent - 1) - {3'd0, places_i[4:0]} + {7'd0, man_i[16]};
      is_zero_q  <= places_i[5] || places_i[4:0] == 5'd31
                    || (places_i[4:0] == 5'd30 && !man_i[16]);
      for (int unsigned i = 0; i <= WaitStages; i++) begin
        if (i == 0) wait_q[i] <= is_zero_q ? 23'd0 : {exponent_q, fraction_q};
        else wait_q[i] <= wait_q[i-1];
      end
    end
  end
  assign result_o = {1'b0, wait_q[WaitStages], 8'd0};
endmodule

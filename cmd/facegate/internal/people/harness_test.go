package people_test

import "facegate/cmd/facegate/internal/people"

func request(label string) people.EnrolRequest {
	return people.EnrolRequest{Label: label, Consent: "form " + label, Age: "adult", Witness: "Li Na"}
}
